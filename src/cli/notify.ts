import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import type { WebhookSettings } from '../maintenance/settings.ts';
import { postMessage, type Webhook } from '../maintenance/webhook.ts';
import { type CommandResult, SEVERITIES } from '../report/report.ts';
import { version } from './version.ts';

/**
 * The webhook of the configuration with its key, from the environment.
 * @throws AishaError (usage) before the run when the key is not there: afterwards it would be too late
 */
export function webhookOf({ config, env }: Context): Webhook | undefined {
  const { webhook } = config.maintenance;
  if (webhook === undefined) return undefined;
  const secret = env[webhook.secretFrom];
  if (secret !== undefined && secret !== '') return { url: webhook.url, secret };
  throw new AishaError('usage', `the key of the webhook is missing: ${webhook.secretFrom} is not set`, {
    hint: 'Set the variable to the secret that the receiver checks signatures with, or remove maintenance.webhook.',
  });
}

/** Posts what a run found, if it is bad enough; a message that does not arrive is an undecided check of the run. */
export async function notify(
  context: Context,
  webhook: Webhook | undefined,
  command: string,
  result: CommandResult,
): Promise<CommandResult> {
  if (webhook === undefined || !isWorthTelling(result, context.config.maintenance.webhook!)) return result;
  const { host, port, database, user } = await context.target();
  const { text, findings, error } = result;
  const message = {
    schema: 'aisha-db/webhook@1',
    command,
    version: version(),
    at: new Date().toISOString(),
    target: { host, port, database, user },
    text,
    findings,
    ...(error === undefined ? {} : { error: { code: error.kind, message: error.message } }),
  };
  const failure = await postMessage(webhook, message, context.signal);
  if (failure === undefined) return result;
  // The path of such an address is often a secret of its own.
  const reason = `${new URL(webhook.url).host} did not take the message: ${failure}`;
  const check = { id: 'webhook', title: 'Findings reach the webhook', status: 'unknown', reason } as const;
  return { ...result, checks: [...(result.checks ?? []), check] };
}

function isWorthTelling({ findings = [], error }: CommandResult, { severity }: WebhookSettings): boolean {
  const least = SEVERITIES.indexOf(severity);
  return error !== undefined || findings.some((finding) => SEVERITIES.indexOf(finding.severity) >= least);
}
