import { execFileSync } from 'node:child_process';

/** Who writes a file, as git knows it: `Ada Lovelace <ada@example.com>`. */
export function authorFromGit(cwd: string): string {
  const read = (key: string) => {
    try {
      return execFileSync('git', ['config', '--get', key], {
        cwd,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    } catch {
      return '';
    }
  };
  const name = read('user.name') || 'unknown';
  const mail = read('user.email');
  return mail === '' ? name : `${name} <${mail}>`;
}
