/** Schema of what a rehearsal itself keeps in the copy. */
export const OWN_SCHEMA = 'aisha_rehearsal';
