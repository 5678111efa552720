// Characters that XML 1.0 cannot carry at all, not even as a reference, and marks that reorder text.
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\p{Cs}]/gu;

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for the content of an element, of XML and HTML alike. */
export function xmlText(text: string): string {
  return text.replace(FORBIDDEN, visible).replace(/[&<>"']/g, (character) => REFERENCES[character] ?? character);
}

/** Text for an attribute: line breaks and tabs would be read back as spaces. */
export function xmlAttribute(text: string): string {
  return xmlText(text).replace(/[\n\r\t]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function visible(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
