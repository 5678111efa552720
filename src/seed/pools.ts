import type { Faker } from '@faker-js/faker';
import { faker as ar } from '@faker-js/faker/locale/ar';
import { faker as de } from '@faker-js/faker/locale/de';
import { faker as en } from '@faker-js/faker/locale/en';
import { faker as es } from '@faker-js/faker/locale/es';
import { faker as he } from '@faker-js/faker/locale/he';
import { faker as ja } from '@faker-js/faker/locale/ja';
import { faker as pl } from '@faker-js/faker/locale/pl';
import { faker as ru } from '@faker-js/faker/locale/ru';
import { faker as tr } from '@faker-js/faker/locale/tr';
import { faker as zh } from '@faker-js/faker/locale/zh_CN';

/** A name and what of it can stand in an e-mail address. */
export interface Name {
  readonly text: string;
  readonly ascii: string;
}

/** Names of people of one language. */
interface Names {
  readonly first: readonly Name[];
  readonly last: readonly Name[];
}

/** As JSON has it. */
type Address = Readonly<Record<'street' | 'city' | 'postal_code' | 'country', string>>;

/**
 * The words that rows are made of. Asking faker for each row takes ten times as long as the server takes to store it:
 * its values are drawn once, and rows pick among them.
 */
export interface Pools {
  /** A language that is met more often is there more than once. */
  readonly names: readonly Names[];
  /** No two are equal without regard to case, and none ends with a digit. */
  readonly companies: readonly string[];
  /** The domain of each company, without its top level. */
  readonly domains: readonly string[];
  readonly industries: readonly string[];
  readonly jobTitles: readonly string[];
  readonly addresses: readonly Address[];
  readonly phrases: readonly string[];
  readonly sentences: readonly string[];
  readonly paragraphs: readonly string[];
  readonly products: readonly string[];
  readonly words: readonly string[];
  readonly fileNames: readonly string[];
  readonly phones: readonly string[];
}

const ENGLISH = 5;

/** Draws the pools; always the same ones from one version of faker. */
export function drawPools(): Pools {
  for (const faker of [ar, de, en, es, he, ja, pl, ru, tr, zh]) faker.seed(20_250_115);
  const english = namesOf(en);
  const companies = distinct(1_500, () => en.company.name());
  return {
    names: [...Array<Names>(ENGLISH).fill(english), ...[ar, de, es, he, ja, pl, ru, tr, zh].map(namesOf)],
    companies,
    domains: companies.map(asciiOf),
    industries: distinct(24, () => en.commerce.department()),
    jobTitles: distinct(200, () => en.person.jobTitle()),
    addresses: times(400, () => addressOf(en)),
    phrases: distinct(300, () => en.company.catchPhrase()),
    sentences: distinct(300, () => en.lorem.sentence()),
    paragraphs: distinct(60, () => en.lorem.paragraph()),
    products: distinct(200, () => en.commerce.productName()),
    words: distinct(150, () => en.word.noun()),
    fileNames: distinct(150, () => en.system.fileName()),
    phones: distinct(1_000, () => en.phone.number({ style: 'international' })),
  };
}

function namesOf(faker: Faker): Names {
  const draw = (next: () => string): Name[] => distinct(120, next).map((text) => ({ text, ascii: asciiOf(text) }));
  return { first: draw(() => faker.person.firstName()), last: draw(() => faker.person.lastName()) };
}

function addressOf({ location }: Faker): Address {
  return {
    street: location.streetAddress(),
    city: location.city(),
    postal_code: location.zipCode(),
    country: location.countryCode(),
  };
}

/** Letters and digits of ASCII, in lower case; empty for other scripts. */
function asciiOf(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');
}

/** As many values as the source has, up to `most`: it is asked again for what it said before, but not for ever. */
function distinct(most: number, next: () => string): string[] {
  const found = new Map<string, string>();
  for (let asked = 0; found.size < most && asked < 5 * most; asked++) {
    const value = next();
    found.set(value.toLowerCase(), value);
  }
  return [...found.values()];
}

function times<T>(count: number, next: () => T): T[] {
  return Array.from({ length: count }, next);
}
