// Writes docs/aisha-db.config.schema.json from the schema that the built program checks the configuration with
// (npm run build first). A test fails when it was forgotten.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { configSchema } from '../build/config-schema.js';

const ROOT = resolve(import.meta.dirname, '..');
const SCHEMA = join(ROOT, 'docs', 'aisha-db.config.schema.json');

writeFileSync(SCHEMA, `${JSON.stringify(z.toJSONSchema(configSchema), null, 2)}\n`);
execFileSync(join(ROOT, 'node_modules', '.bin', 'biome'), ['format', '--write', SCHEMA], { stdio: 'inherit' });
