// Reads our pages in headless Chromium: axe-core, overflow, what is loaded, what a keyboard reaches first, and texts
// of pictures that are cut off or lie upon each other.
// Usage: node portal.mjs task.json modules; one line of JSON per page and window goes to standard output.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [taskFile, modules] = process.argv.slice(2);
const need = createRequire(`${modules}/package.json`);
const { chromium } = need('playwright-core');
const axe = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');
const task = JSON.parse(readFileSync(taskFile, 'utf8'));

const browser = await chromium.launch({ executablePath: task.chromium, args: ['--no-sandbox'] });
for (const { width, scheme, paths, checked, shots, media } of task.windows) {
  const context = await browser.newContext({
    viewport: { width, height: 800 }, colorScheme: scheme, ignoreHTTPSErrors: true, bypassCSP: false,
  });
  const page = await context.newPage();
  if (media) await page.emulateMedia({ media });
  let loaded, said;
  page.on('request', (request) => loaded.push(request.url()));
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error)));
  for (const path of paths) {
    [loaded, said] = [[], []];
    const answer = await page.goto(task.base + path);
    const found = await page.evaluate(() => ({
      overflow: document.documentElement.scrollWidth - window.innerWidth,
      styled: getComputedStyle(document.querySelector('.kopf')).backgroundColor !== 'rgba(0, 0, 0, 0)',
    }));
    const unreadable = await page.evaluate(() => {
      const bad = [];
      for (const picture of document.querySelectorAll('svg')) {
        const frame = picture.parentElement.getBoundingClientRect();
        const texts = [...picture.querySelectorAll('text')].map((text) => [text.textContent, text.getBoundingClientRect()]);
        for (const [index, [words, box]] of texts.entries()) {
          if (!box.width) continue; // not shown in this window
          if (box.left < 0 || box.right > window.innerWidth || box.left < frame.left - 12 || box.right > frame.right + 12)
            bad.push(`${words} is cut off`);
          for (const [others, other] of texts.slice(index + 1)) {
            const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left);
            const high = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
            if (wide > 1 && high > 4) bad.push(`${words} lies upon ${others}`);
          }
        }
      }
      return bad;
    });
    await page.keyboard.press('Tab');
    const first = await page.evaluate(() => {
      const { left, top, right, bottom } = document.activeElement.getBoundingClientRect();
      const seen = left >= 0 && top >= 0 && right <= window.innerWidth && bottom <= window.innerHeight;
      return { href: document.activeElement.getAttribute('href'), seen };
    });
    const violations = [];
    if (checked) {
      await page.evaluate(axe);
      const results = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      for (const one of results.violations) {
        violations.push(`${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(' | ')}`);
      }
    }
    if (shots) await page.screenshot({ path: `${shots}/${path.replaceAll('/', '_')}-${width}-${media ?? scheme}.png`, fullPage: Boolean(media) });
    console.log(JSON.stringify({ path, width, scheme, status: answer.status(), loaded, said, violations, first, unreadable, ...found }));
  }
  await context.close();
}
await browser.close();
