import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';

/** Where findings are posted, and the key that signs them. */
export interface Webhook {
  readonly url: string;
  readonly secret: string;
}

/** Milliseconds before each further attempt. */
const RETRY_AFTER_MS: readonly number[] = [1_000, 4_000, 16_000];
/** One attempt may take this long (ms). */
const ATTEMPT_MS = 10_000;
/** Answers after which another attempt may help: a time-out, too many requests, and whatever the server got wrong. */
const isWorthRetrying = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/**
 * The signature of a body: a receiver makes the same from the key, compares, and refuses what is old. The time is part
 * of what is signed, so that nobody sends an old message again.
 * @param at seconds since 1970
 */
function sign(body: string, secret: string, at: number): string {
  return `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`;
}

/** Posts a message, again a few times where that may help; why it did not arrive, or nothing when it did. */
export async function postMessage(webhook: Webhook, message: object, signal: AbortSignal): Promise<string | undefined> {
  const body = JSON.stringify(message);
  const delivery = randomUUID();
  for (let attempt = 0; ; attempt++) {
    const { failure, retry } = await post(webhook, body, delivery, signal);
    const pause = RETRY_AFTER_MS[attempt];
    if (failure === undefined || !retry || pause === undefined || signal.aborted) return failure;
    await sleep(pause, undefined, { signal }).catch(() => {});
  }
}

interface Answer {
  readonly failure: string | undefined;
  readonly retry: boolean;
}

async function post({ url, secret }: Webhook, body: string, delivery: string, signal: AbortSignal): Promise<Answer> {
  try {
    const { status } = await fetch(url, {
      method: 'POST',
      body,
      // A redirect would take the signed message somewhere else.
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        'x-aisha-db-delivery': delivery,
        'x-aisha-db-signature': sign(body, secret, Math.floor(Date.now() / 1_000)),
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]),
    });
    if (status >= 200 && status < 300) return { failure: undefined, retry: false };
    return { failure: `it answered ${status}`, retry: isWorthRetrying(status) };
  } catch (error) {
    const { cause } = error as Error;
    return { failure: messageOf(cause ?? error), retry: true };
  }
}
