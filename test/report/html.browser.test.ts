import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { plain } from '../../src/report/plain.ts';
import type { Report } from '../../src/report/report.ts';
import { render } from '../../src/report/reporters/html.ts';
import { chromiumMissing, startChromium } from '../support/chromium.ts';
import { clinic, crowded, failed, HOSTILE, hostile, PIPE } from './reports.ts';

const quiet: Report = { ...clinic, status: 'ok', exitCode: 0, checks: clinic.checks.slice(4), findings: [] };
const endless: Report = {
  ...hostile,
  findings: hostile.findings.map((finding) => ({
    ...finding,
    object: 'x'.repeat(5000),
    remediation: 'y'.repeat(5000),
  })),
};

let browser: Browser;
let folder: string;
let noise: string[];
let requests: string[];
/** Of the requests those that the policy of the page let through. */
let reached: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aisha-db-page-'));
  if (chromiumMissing() === undefined) browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(({ skip }) => {
  skip(chromiumMissing() !== undefined, chromiumMissing());
  noise = [];
  requests = [];
  reached = [];
});
/** Pages by what they were opened with: a page of its own for each report costs two new processes of the browser. */
const pages = new Map<string, Page>();

/** A report as its reader opens it: a file. What the page logs and asks for is noted. */
async function open(report: Report, options: BrowserContextOptions = {}): Promise<Page> {
  const file = join(folder, `${Math.random()}.html`);
  writeFileSync(file, render(report, PIPE));
  const page = pages.get(JSON.stringify(options)) ?? (await newPage(options));
  pages.set(JSON.stringify(options), page);
  // What the test before did to it.
  await page.emulateMedia({ media: null, colorScheme: options.colorScheme ?? null });
  await page.mouse.move(0, 0);
  await page.goto(pathToFileURL(file).href);
  return page;
}

async function newPage(options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on('console', (message) => noise.push(message.text()));
  page.on('pageerror', (error) => noise.push(error.message));
  page.on('dialog', (dialog) => noise.push(dialog.message()));
  page.on('request', (request) => requests.push(request.url()));
  page.on('requestfinished', (request) => reached.push(request.url()));
  page.on('requestfailed', (request) => {
    if (request.failure()?.errorText !== 'csp') reached.push(request.url());
  });
  return page;
}

const isDesktop = { viewport: { width: 1200, height: 900 } };
const isPhone = { viewport: { width: 400, height: 800 } };
const everyReport = { clinic, quiet, failed, hostile, endless, crowded: crowded(60) };

describe.each(Object.entries(everyReport))('the page of %s', (_name, report) => {
  test('says nothing to the console, asks for nothing, runs nothing but its script, fits a telephone', async () => {
    const page = await open(report, isPhone);
    expect(await page.locator('script').count()).toBe(1);
    expect(await page.locator('h1').count()).toBe(1);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(isPhone.viewport.width);
    expect([noise, requests]).toEqual([[], [page.url()]]);
  });

  test('has no barrier that axe finds, light or dark', async () => {
    const page = await open(report, { ...isDesktop, bypassCSP: true });
    await page.evaluate(axe.source);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations } = (await page.evaluate('axe.run({ resultTypes: ["violations"] })')) as {
        violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
      };
      const told = violations.map(({ id, nodes: [first] }) => [id, first?.html.slice(0, 300), first?.failureSummary]);
      expect(told, colorScheme).toEqual([]);
    }
  });
});

test('whatever a name holds is read as text', async () => {
  const page = await open(hostile);
  const texts = await page.locator('.object, h4, .bars th[scope=row], .kind, bdi').allTextContents();
  expect(new Set(texts)).toEqual(new Set([plain(HOSTILE), 'file', HOSTILE_LINES]));
});

/** A title may have lines; everything else is one. */
const HOSTILE_LINES = HOSTILE.split('\n').map(plain).join('\n');

test('even what got in would be stopped: no script, no picture, no form, no style from anywhere', async () => {
  const page = await open(clinic);
  const blocked = await page.evaluate(`new Promise((resolve) => {
    const blocked = [];
    addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective));
    const add = (html) => document.body.append(document.createRange().createContextualFragment(html));
    add('<img src="http://127.0.0.1:9/x.png">');
    add('<script>window.ran = true</' + 'script>');
    add('<p style="color: red" onclick="window.ran = true"></p>');
    add('<iframe src="http://127.0.0.1:9/"></iframe>');
    fetch('http://127.0.0.1:9/').catch(() => {});
    setTimeout(() => resolve([...new Set(blocked), String(window.ran)].sort()), 300);
  })`);
  expect(blocked).toEqual(
    ['connect-src', 'frame-src', 'img-src', 'script-src-attr', 'script-src-elem', 'style-src-attr', 'undefined'].sort(),
  );
  expect(reached).toEqual([page.url()]);
});

describe('charts', () => {
  test('bars are as long as their values, parts lie end to end', async () => {
    const page = await open(clinic, isDesktop);
    const [stacked, bars] = await page.locator('.bars').all();
    const widths = async (row: number) =>
      Promise.all(
        (await stacked!.locator('tbody tr').nth(row).locator('rect').all()).map((rect) => rect.boundingBox()),
      );
    const [visits, patients] = [await widths(0), await widths(1)];
    expect(visits.map((box) => box !== null && box.width > 0)).toEqual([true, true, true]);
    // A line in the colour of the sheet lies between them.
    expect(Math.abs(visits[0]!.x + visits[0]!.width - visits[1]!.x)).toBeLessThan(2);
    expect(visits[0]!.width / patients[0]!.width).toBeCloseTo(8, 0);
    expect(await bars!.locator('tbody tr').allInnerTexts()).toEqual([
      expect.stringMatching(/^select \* from visits where patient_id = \$1\s+1\.83 s$/),
      expect.stringMatching(/^select count\(\*\) from patients\s+12 ms$/),
    ]);
  });

  test('a line rises as its values do, and its story is told to who cannot see it', async () => {
    const page = await open(clinic, isDesktop);
    const plot = page.getByRole('img', { name: /^Growth: public.visits from 90 MB on 2026-01-01 .* to 112 MB/ });
    const boxes = await Promise.all((await plot.locator('circle').all()).map((dot) => dot.boundingBox()));
    const heights = boxes.map((box) => box!.y);
    expect(heights).toEqual(heights.toSorted((a, b) => b - a));
    expect(new Set(heights).size).toBe(3);
    expect(await plot.locator('text').allTextContents()).toEqual(expect.arrayContaining(['2026-01-01', '2026-03-01']));
  });

  test('their numbers are a table', async () => {
    const page = await open(clinic, isDesktop);
    await page.locator('summary', { hasText: 'Numbers' }).first().click();
    const table = page.getByRole('table', { name: 'Largest tables' }).nth(1);
    expect(await table.locator('tbody tr').first().innerText()).toMatch(/public\.visits\s+64 MB\s+48 MB\s+8 kB/);
  });
});

describe('the filter', () => {
  const shown = (page: Page) => page.locator('.finding:not([hidden]) .object').allTextContents();
  const count = (page: Page) => page.locator('output');

  test('finds words in all that is said of a finding, and opens what it finds', async () => {
    const page = await open(crowded(200), isDesktop);
    expect(await page.locator('.group[open]').count()).toBe(0);
    await page.getByRole('searchbox').fill('  Row-Level  t13 ');
    await expect.poll(() => count(page).textContent()).toBe('3 of 200 findings');
    expect(await shown(page)).toEqual(['public.t131', 'public.t135', 'public.t139']);
    expect(await page.locator('.severity:not([hidden]) h3').allTextContents()).toEqual(['critical']);
    expect(await page.locator('.group[open]:not([hidden]) .count').allTextContents()).toEqual(['3 of 50']);
    await page.getByRole('searchbox').fill('');
    await expect.poll(() => count(page).textContent()).toBe('200 findings');
    expect(await page.locator('.group[open]').count()).toBe(0);
  });

  test('chooses by severity, category and check, together; Clear takes all back', async () => {
    const page = await open(crowded(40), isDesktop);
    await page.getByRole('combobox', { name: 'Category' }).selectOption('indexes');
    await expect.poll(() => count(page).textContent()).toBe('20 of 40 findings');
    await page.getByRole('checkbox', { name: 'info' }).uncheck();
    await expect.poll(() => count(page).textContent()).toBe('10 of 40 findings');
    await page.getByRole('combobox', { name: 'Check' }).selectOption('Indexes are used');
    await expect.poll(() => count(page).textContent()).toBe('No finding matches');
    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => count(page).textContent()).toBe('40 findings');
    expect(await shown(page)).toHaveLength(40);
  });

  test('tells its count to a screen reader and stays away from a handful of findings', async () => {
    expect(await (await open(crowded(40))).getByRole('status').first().getAttribute('aria-live')).toBe('polite');
    expect(await (await open(clinic)).getByRole('search').count()).toBe(0);
  });

  test('2,000 findings are a file to mail and a page to use', async () => {
    expect(render(crowded(2000), PIPE).length).toBeLessThan(1_500_000);
    const page = await open(crowded(2000), isDesktop);
    await page.getByRole('button', { name: 'Open all' }).click();
    await page.getByRole('searchbox').fill('t1999');
    await expect.poll(() => count(page).textContent()).toBe('1 of 2000 findings');
  });
});

describe('copying', () => {
  const remediation = 'alter table public.patients enable row level security;';
  const without = { clipboard: "Object.defineProperty(navigator, 'clipboard', { value: undefined })" };

  /** What a user would paste. */
  async function pasted(page: Page): Promise<string> {
    await page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), { id: 'paste' }))");
    await page.locator('#paste').focus();
    await page.keyboard.press('Control+V');
    return page.locator('#paste').inputValue();
  }

  test.each([
    ['with the clipboard of the browser', ''],
    ['without it, as in an old browser', without.clipboard],
    ['when it is forbidden', 'navigator.clipboard.writeText = () => Promise.reject(new Error("no"))'],
  ])('%s', async (_name, change) => {
    const page = await open(clinic, isDesktop);
    await page.evaluate(change);
    const button = page.getByRole('button', { name: 'Copy the fix of public.patients' });
    await button.click();
    await expect.poll(() => page.locator('#status').textContent()).toBe('Copied');
    expect(await pasted(page)).toBe(remediation);
  });

  test('says which keys to press when nothing else helps, with the text selected', async () => {
    const page = await open(clinic, isDesktop);
    await page.evaluate(`${without.clipboard}; document.execCommand = () => false`);
    await page.getByRole('button', { name: 'Copy the fix of public.patients' }).click();
    await expect.poll(() => page.locator('#status').textContent()).toBe('Press Ctrl+C');
    await page.keyboard.press('Control+C');
    expect(await pasted(page)).toBe(remediation);
  });

  test('all fixes of a check that are shown, without advice in words', async () => {
    const page = await open(crowded(40), isDesktop);
    await page.getByRole('searchbox').fill('t3');
    await expect.poll(() => page.locator('output').textContent()).toBe('11 of 40 findings');
    await page.locator('[data-check=rls-enabled]').getByRole('button', { name: 'Copy all fixes' }).click();
    expect((await pasted(page)).split('\n')).toEqual(
      [3, 31, 35, 39].map((number) => `alter table public.t${number} do_something;`),
    );
    expect(await page.locator('[data-check=unused-index] button').count()).toBe(0);
  });
});

test('everything can be reached and done by keyboard, and the focus is seen', async () => {
  const page = await open(crowded(40), isDesktop);
  const active = () => page.evaluate('document.activeElement.outerHTML.slice(0, 200)') as Promise<string>;
  const until = async (what: RegExp) => {
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press('Tab');
      if (!what.test(await active())) continue;
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
      expect(outline, String(what)).toBe('solid');
      return;
    }
    throw new Error(`the keyboard never comes to ${what}`);
  };
  await until(/href="#critical"/);
  await until(/type="search"/);
  await page.keyboard.type('t7');
  await expect.poll(() => page.locator('output').textContent()).toBe('1 of 40 findings');
  await until(/type="checkbox"/);
  await page.keyboard.press('Space');
  await expect.poll(() => page.locator('output').textContent()).toBe('No finding matches');
  await page.keyboard.press('Space');
  await expect.poll(() => page.locator('output').textContent()).toBe('1 of 40 findings');
  await until(/<summary/);
  await page.keyboard.press('Enter');
  expect(await page.locator('.group[open]:not([hidden])').count()).toBe(0);
  await page.keyboard.press('Enter');
  await until(/data-copy="one"/);
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('#status').textContent()).toBe('Copied');
  expect(await active()).toContain('data-copy="one"');
  await until(/role="group"/);
});

test('light or dark as the reader has it', async () => {
  const colors = async (colorScheme: 'light' | 'dark') => {
    const page = await open(clinic, { colorScheme });
    const style = (await page.evaluate(
      "(({ backgroundColor, color }) => [backgroundColor, color])(getComputedStyle(document.querySelector('.sheet')))",
    )) as string[];
    return style.map((color) => Math.round(Number(/\d+/.exec(color)?.[0]) / 255));
  };
  expect([await colors('light'), await colors('dark')]).toEqual([
    [1, 0],
    [0, 1],
  ]);
});

test('in print all is open, black on white, and nothing waits to be pressed', async () => {
  const page = await open(crowded(200), { ...isDesktop, colorScheme: 'dark' });
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await page.evaluate("dispatchEvent(new Event('beforeprint'))");
  expect(await page.locator('.finding').filter({ visible: true }).count()).toBe(200);
  expect(await page.locator('button, input, select').filter({ visible: true }).count()).toBe(0);
  expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(0, 0, 0)');
  await page.evaluate("dispatchEvent(new Event('afterprint'))");
  expect(await page.locator('.group[open]').count()).toBe(0);
});

test('where scripts are stripped all is still told, and no dead button is shown', async () => {
  const page = await open(crowded(40), { ...isDesktop, javaScriptEnabled: false });
  expect(await page.locator('.finding').filter({ visible: true }).count()).toBe(40);
  expect(await page.locator('button, input, select').filter({ visible: true }).count()).toBe(0);
});
