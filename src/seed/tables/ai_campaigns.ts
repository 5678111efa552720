import type { Json } from '../copy-text.ts';
import { DAY, type Place, TODAY } from '../place.ts';
import { perContacts, type SeedTable } from '../table.ts';
import { INTEGRATIONS } from './tenant_integrations.ts';

type Channel = 'email' | 'call' | 'sequence';

/** A campaign as the manual's appendix A describes it; each tenant has one of every channel at least. */
export const table: SeedTable = {
  rows: perContacts(1_000, 3, 50),
  row: (at) => {
    const channel = (['email', 'call', 'sequence'] as const)[at.n % 3]!;
    const status = at.pick(['draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled']);
    return {
      id: at.id,
      tenant_id: at.tenant.id,
      name: `${at.pick(at.pools.phrases)} (${channel})`,
      status,
      description: at.pick(at.pools.sentences),
      target_contacts: Array.from({ length: at.int(1, 5) }, () => recipient(at, channel)),
      performance_metrics: status === 'draft' || status === 'scheduled' ? {} : metrics(at, channel),
      metadata: metadata(at, channel),
      ...at.stamps(),
    };
  },
};

function recipient(at: Place, channel: Channel): Json {
  const contact = at.at('contacts', at.int(0, at.tenant.rows['contacts']! - 1));
  const { first, last, mailbox } = contact.person();
  return {
    contact_id: contact.id,
    contact_name: `${first} ${last}`,
    ...(channel === 'call' ? { phone: at.pick(at.pools.phones) } : { email: `${mailbox}@mail.example` }),
    company: at.company(at.int(0, at.tenant.rows['accounts']! - 1)),
    scheduled_date: dateOf(TODAY + at.int(1, 60) * DAY),
    scheduled_time: at.pick(['09:00', '13:30', '16:45']),
    status: at.pick(['pending', 'pending', 'completed', 'failed']),
    outcome: at.pick([null, 'interested', 'not_interested']),
  };
}

function metadata(at: Place, channel: Channel): Json {
  return {
    campaign_type: channel,
    ...(channel === 'email' ? {} : callSettings(at)),
    ...(channel === 'call' ? {} : emailSettings(at)),
    schedule_config: {
      start_date: dateOf(TODAY),
      end_date: dateOf(TODAY + 90 * DAY),
      preferred_hours: { start: '09:00', end: '17:00' },
      excluded_days: ['saturday', 'sunday'],
    },
  };
}

function callSettings(at: Place): Json {
  const provider = at.pick(['callfluent', 'thoughtly'] as const);
  return {
    ai_provider: provider,
    ai_call_integration_id: at.idOf('tenant_integrations', placeOf(provider)),
    call_objective: at.pick(['follow_up', 'qualification']),
    call_settings: {
      max_duration: 300,
      retry_attempts: at.int(0, 3),
      business_hours_only: true,
      timezone: 'Europe/Berlin',
      delay_between_calls: 60,
    },
  };
}

function emailSettings(at: Place): Json {
  return {
    ai_email_config: {
      subject: 'Quick follow-up from {{company_name}}',
      body_template: `Hi {{contact_name}}, ${at.pick(at.pools.sentences)}`,
      sending_profile_id: at.idOf('tenant_integrations', placeOf('email_sending_profile')),
    },
  };
}

function metrics(at: Place, channel: Channel): Json {
  const total = at.int(1, 500);
  if (channel === 'call') {
    return { total_calls: total, successful_calls: at.int(0, total), average_duration: at.int(20, 300) };
  }
  return { total_emails: total, delivered: at.int(0, total), opened: at.int(0, total) };
}

/** The active integration of that type. */
function placeOf(type: (typeof INTEGRATIONS)[number]['type']): number {
  return INTEGRATIONS.findIndex((integration) => integration.type === type && integration.isActive);
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
