/**
 * What the page does, as the body of its one script: copies, filters, opens all for print. Without it (a mail program may
 * strip it) everything is shown. It reads only what the page holds and puts text into the page as text.
 */
export const SCRIPT = `
(() => {
  'use strict';
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  const status = document.getElementById('status');
  document.documentElement.classList.add('js');

  // ── copy ──

  document.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-copy]');
    if (button) copy(button);
  });

  async function copy(button) {
    const sources = sourcesOf(button);
    const text = [...new Set(sources.map((source) => source.textContent))].join('\\n');
    const isCopied = await write(text);
    if (!isCopied) select(sources[0]);
    else button.focus();
    say(button, isCopied ? 'Copied' : 'Press Ctrl+C');
  }

  function sourcesOf(button) {
    if (button.dataset.copy === 'one') return all('pre', button.closest('.fix'));
    return all('.finding:not([hidden]) .fix pre', button.closest('.group'));
  }

  // The clipboard of the browser may be absent (not a secure context) or forbidden; the old way needs no leave.
  async function write(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return writeOld(text);
    }
  }

  function writeOld(text) {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'unseen';
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand('copy');
    area.remove();
    return isCopied;
  }

  function select(element) {
    getSelection().selectAllChildren(element);
  }

  function say(button, text) {
    const label = button.dataset.label ?? button.textContent;
    button.dataset.label = label;
    button.textContent = text;
    status.textContent = text;
    clearTimeout(button.timer);
    button.timer = setTimeout(() => {
      button.textContent = label;
      status.textContent = '';
    }, 2000);
  }

  // ── filter ──

  const form = document.getElementById('filter');
  const groups = all('.group').map((element) => ({
    element,
    severity: element.dataset.severity,
    check: element.dataset.check,
    category: element.dataset.category,
    wasOpen: element.open,
    count: element.querySelector('.count'),
    findings: all('.finding', element).map((finding) => ({
      element: finding,
      text: (element.firstElementChild.textContent + ' ' + finding.textContent).toLowerCase(),
    })),
  }));
  const total = groups.reduce((sum, group) => sum + group.findings.length, 0);
  let wasSearching = false;

  function filter() {
    const { text, check, category } = form.elements;
    const words = text.value.toLowerCase().split(/\\s+/).filter((word) => word !== '');
    const severities = all('input[name=severity]:checked', form).map((box) => box.value);
    let shown = 0;
    for (const group of groups) {
      const isMeant =
        severities.includes(group.severity) &&
        (!check || check.value === '' || check.value === group.check) &&
        (!category || category.value === '' || category.value === group.category);
      let found = 0;
      for (const finding of group.findings) {
        const isShown = isMeant && words.every((word) => finding.text.includes(word));
        finding.element.hidden = !isShown;
        if (isShown) found += 1;
      }
      group.element.hidden = found === 0;
      group.count.textContent =
        found === group.findings.length ? String(found) : found + ' of ' + group.findings.length;
      shown += found;
    }
    openFound(words.length > 0);
    for (const section of all('.severity')) section.hidden = all('.group:not([hidden])', section).length === 0;
    form.querySelector('output').textContent = describe(shown);
    form.classList.toggle('active', shown !== total);
  }

  // A search opens what it found; when it ends, groups are as they were.
  function openFound(isSearching) {
    for (const group of groups) {
      if (isSearching && !wasSearching) group.wasOpen = group.element.open;
      if (isSearching) group.element.open = true;
      else if (wasSearching) group.element.open = group.wasOpen;
    }
    wasSearching = isSearching;
  }

  function describe(shown) {
    if (shown === total) return total + ' findings';
    return shown === 0 ? 'No finding matches' : shown + ' of ' + total + ' findings';
  }

  if (form) {
    let timer;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(filter, 80);
    };
    form.addEventListener('input', soon);
    form.addEventListener('reset', soon);
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('click', (event) => {
      const { open } = event.target.dataset;
      if (open) for (const group of groups) group.element.open = open === 'yes';
    });
  }

  // ── print ──

  let closed = [];
  addEventListener('beforeprint', () => {
    closed = all('details:not([open]):not(.numbers)');
    for (const details of closed) details.open = true;
  });
  addEventListener('afterprint', () => {
    for (const details of closed) details.open = false;
  });
})();
`;
