import type { AishaError } from '../errors.ts';
import type { QuestionId } from './answer.ts';

const DNS = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME'];
const TLS_CODE = /^(?:ERR_(?:SSL|OSSL|TLS)|EPROTO$|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET))/;
const LOGIN_STATES = ['28P01', '28000'];
const DATABASE_STATES = ['3D000', '42501', '55000'];
const SESSION_STATES = ['53300', '57P03', '08P01'];

/** Which question a connection that failed answers with no; those before it are answered with yes. */
export function blame(error: AishaError): QuestionId {
  const { code, message } = origin(error.cause);
  const state = error.sqlState;
  if (DNS.includes(code)) return 'dns';
  if (isAboutTls(message) || TLS_CODE.test(code) || /certificate|private key/.test(error.message)) return 'tls';
  if (state !== undefined && LOGIN_STATES.includes(state)) return 'login';
  if (state !== undefined && DATABASE_STATES.includes(state)) return 'database';
  if (state !== undefined && SESSION_STATES.includes(state)) return 'sessions';
  if (code.startsWith('NO_') || /tenant or user not found/i.test(message)) return 'login';
  return state === undefined ? 'tcp' : 'login';
}

/** pg_hba.conf that wants TLS is about TLS, though the server calls it a failed log-in. */
function isAboutTls(message: string): boolean {
  return /no encryption|SSL off|does not support SSL|SSL connection/.test(message);
}

/** Of a host with several addresses each was tried; the first stands for all. */
function origin(cause: unknown): { readonly code: string; readonly message: string } {
  if (cause instanceof AggregateError && cause.errors.length > 0) return origin(cause.errors[0]);
  if (!(cause instanceof Error)) return { code: '', message: '' };
  return { code: String((cause as NodeJS.ErrnoException).code ?? ''), message: cause.message };
}
