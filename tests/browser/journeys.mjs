// Journeys in a browser: `node journeys.mjs NAME`. The settings are environment variables (see main.rs).
import { createRequire } from "node:module";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import assert from "node:assert/strict";

const { BANK_KEY, BANK_URL, SERVER_URL, OUTBOX, PROFILE, DOWNLOADS, SCREENSHOTS, CHROMIUM, TOOLS } = process.env;
const { chromium } = createRequire(join(TOOLS, "package.json"))("playwright-core");
mkdirSync(DOWNLOADS, { recursive: true });
mkdirSync(SCREENSHOTS, { recursive: true });

const inDays = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const complaints = [];
let shown;

async function browser(options = {}) {
  const context = await chromium.launchPersistentContext(PROFILE, {
    executablePath: CHROMIUM,
    headless: true,
    acceptDownloads: true,
    viewport: { width: 1440, height: 900 },
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
    ...options,
  });
  context.setDefaultTimeout(60_000);
  const page = context.pages()[0] ?? (await context.newPage());
  shown = page;
  // Every blocked script, missing image or exception is an error of the page.
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
  page.on("console", (message) => message.type() === "error" && complaints.push(`${page.url()}: ${message.text()}`));
  page.on("response", (answer) => {
    const own = answer.url().startsWith(SERVER_URL) && answer.status() >= 400;
    if (own) complaints.push(`${answer.status()} ${answer.url()}`);
  });
  return { context, page };
}

// Takes screenshots at both widths, light and dark, and checks that the page is not wider than the window.
async function shoot(page, name) {
  for (const width of [390, 1440]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(SCREENSHOTS, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert(wide <= 0, `${name} is ${wide} pixels wider than ${width}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  const heading = await page.locator("h1").count();
  assert.equal(heading, 1, `${name} has ${heading} first headings`);
  console.log(`  seen: ${name}`);
}

async function search(page, city, days) {
  await page.goto(`${SERVER_URL}/`);
  const form = page.locator("form:has(#where)");
  await form.locator("#where").fill(city);
  await form.locator("#check_in").fill(inDays(days));
  await form.locator("#check_out").fill(inDays(days + 2));
  await form.locator("#guests").fill("2");
  await form.locator("#where").press("Escape");
  await form.locator("button:not([type=button])").first().click();
  await page.waitForURL(/\/search/);
}

async function checkout(page) {
  await page.locator(".hotel-card h2 a").first().click();
  await page.waitForURL(/\/hotels\//);
  await page.locator("form[action='/checkout'] button").first().click();
  await page.waitForURL(/\/checkout/);
}

async function who(page, email) {
  await page.locator("#f-name").fill("Łucja Żółć");
  await page.locator("#f-email").fill(email);
  await page.locator("#f-phone").fill("+48 12 345 67 89");
  await page.locator("#f-requests").fill("A quiet room, please.");
}

async function card(page, number) {
  await page.locator("#card-number").fill(number);
  await page.locator("#card-expiry").fill("12/34");
  await page.locator("#card-cvc").fill("123");
  await page.locator(".pay-line .button").click();
}

async function confirmed(page) {
  await page.waitForURL(/\/bookings\/rsv_[^/]*$/);
  await page.locator(".pill", { hasText: /confirmed/i }).waitFor();
}

async function download(page, label) {
  const link = page.locator(".files a", { hasText: label });
  const href = await link.getAttribute("href");
  const answer = await page.request.get(new URL(href, page.url()).href);
  assert.equal(answer.status(), 200, href);
  const bytes = await answer.body();
  const { writeFileSync } = await import("node:fs");
  const name = new URL(href, page.url()).pathname.split("/").pop();
  writeFileSync(join(DOWNLOADS, name), bytes);
  return { bytes, type: answer.headers()["content-type"] };
}

async function cancel(page, name) {
  await page.locator("a", { hasText: "Cancel the booking" }).click();
  await page.waitForURL(/\/cancel/);
  if (name) await shoot(page, name);
  await page.locator("button", { hasText: "Cancel the booking" }).click();
  await page.waitForURL(/\/bookings\/rsv_[^/]*$/);
  await page.locator(".pill", { hasText: /cancelled/i }).waitFor();
}

// The first link in a mail to `to` whose path begins with `beginning`.
async function mailed(to, beginning) {
  for (let tries = 0; tries < 600; tries++) {
    for (const file of readdirSync(OUTBOX).filter((name) => name.endsWith(".eml"))) {
      const raw = readFileSync(join(OUTBOX, file), "latin1");
      if (!raw.includes(`To: ${to}`) && !raw.includes(`<${to}>`)) continue;
      const text = raw.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
      const at = text.indexOf(SERVER_URL + beginning);
      if (at >= 0) return text.slice(at).split(/[\s"'<>]/)[0];
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail to ${to} with ${beginning}`);
}

const journeys = {
  // Without an account: search, booking, a declined card, a valid card, documents, the link in the mail without the cookie, cancellation.
  async guest() {
    const { context, page } = await browser();
    await page.goto(`${SERVER_URL}/`);
    await shoot(page, "home");
    await search(page, "Lisbon", 40);
    await shoot(page, "results");
    await page.locator(".hotel-card h2 a").first().click();
    await page.waitForURL(/\/hotels\//);
    await shoot(page, "hotel");
    await page.goBack();
    await checkout(page);
    await shoot(page, "checkout");
    await who(page, "browser@guest.example");
    // An error that only the server finds is displayed beside the field, and the input is kept.
    await page.locator("#f-email").fill("nobody@nowhere");
    await card(page, "4242 4242 4242 4242");
    await page.locator(".wrong:visible").first().waitFor();
    await shoot(page, "checkout-wrong");
    assert.equal(await page.locator("#f-name").inputValue(), "Łucja Żółć");
    await page.locator("#f-email").fill("browser@guest.example");
    await card(page, "4000 0000 0000 0002");
    await page.waitForURL(/\/pay/);
    await shoot(page, "pay-declined");
    await card(page, "4242 4242 4242 4242");
    await confirmed(page);
    await shoot(page, "booking");
    const booking = page.url();
    const confirmation = await download(page, /confirmation/i);
    const receipt = await download(page, /receipt/i);
    const calendar = await download(page, /calendar/i);
    for (const pdf of [confirmation, receipt]) assert(pdf.bytes.subarray(0, 5).toString() === "%PDF-", "a PDF");
    assert(calendar.bytes.toString().startsWith("BEGIN:VCALENDAR"));
    await page.goto(`${SERVER_URL}/bookings`);
    await shoot(page, "bookings");
    const link = await mailed("browser@guest.example", "/bookings/rsv_");
    // Without the cookie the URL alone grants no access; the secret link does.
    await context.clearCookies();
    const without = await page.request.get(booking, { maxRedirects: 0 });
    assert(without.status() !== 200, `${booking} is open to everybody`);
    await page.goto(link);
    await page.locator(".pill", { hasText: /confirmed/i }).waitFor();
    await cancel(page, "cancel");
    await shoot(page, "booking-cancelled");
    const missing = await page.goto(`${SERVER_URL}/no-such-page`);
    assert.equal(missing.status(), 404);
    await shoot(page, "not-found");
    complaints.splice(0, complaints.length, ...complaints.filter((one) => !one.includes("no-such-page") && !one.includes("404")));
    await context.close();
  },

  // With an account: sign-up, confirmation by mail, sign-in, and a card that requires 3-D Secure.
  async account() {
    const { context, page } = await browser();
    await page.goto(`${SERVER_URL}/sign-up`);
    await shoot(page, "sign-up");
    await page.locator("#f-name").fill("Ada Guest");
    await page.locator("#f-email").fill("ada@guest.example");
    await page.locator("#f-password").fill("correct horse battery staple");
    await page.locator("form.card button.full").click();
    const link = await mailed("ada@guest.example", "/verify-email?token=");
    await page.goto(link);
    await shoot(page, "verify");
    await page.locator("main form button").first().click();
    await page.goto(`${SERVER_URL}/sign-in`);
    if (await page.locator("#f-password").count()) {
      await shoot(page, "sign-in");
      await page.locator("#f-email").fill("ada@guest.example");
      await page.locator("#f-password").fill("correct horse battery staple");
      await page.locator("form.card button.full").click();
      await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
    }
    await page.goto(`${SERVER_URL}/account`);
    await shoot(page, "account");
    await search(page, "Kyoto", 50);
    await checkout(page);
    await page.locator("#f-name").fill("Ada Guest");
    await page.locator("#f-email").fill("ada@guest.example");
    await card(page, "4000 0000 0000 3220");
    await page.locator("a.button", { hasText: "Go to the bank" }).waitFor();
    await Promise.all([page.waitForURL((url) => !url.href.startsWith(SERVER_URL)), page.locator("a.button", { hasText: "Go to the bank" }).click().catch(() => {})]);
    await page.screenshot({ path: join(SCREENSHOTS, "bank.png") });
    await page.locator("button", { hasText: "Complete" }).click();
    await confirmed(page);
    await page.goto(`${SERVER_URL}/bookings`);
    await page.locator("a[href^='/bookings/rsv_']").first().click();
    await confirmed(page);
    await cancel(page);
    await page.locator("form[action='/sign-out'] button").first().click();
    const closed = await page.request.get(`${SERVER_URL}/account`, { maxRedirects: 0 });
    assert([302, 303].includes(closed.status()), `signed out, and the account answers ${closed.status()}`);
    await context.close();
  },

  // With a third-party bank the card is entered in the bank's own field, and no page has a field for a card number.
  async stripe() {
    const { context, page } = await browser();
    // The script of this bank has a card field, but its createPaymentMethod does nothing. As at Stripe, the script sends the card and
    // the publishable key to the bank, which creates the payment method.
    await page.route(`${BANK_URL}/js.stripe.com/v3/`, async (route) => {
      const script = await (await route.fetch()).text();
      const body = `${script};
        const withoutMethods = Stripe;
        Stripe = (key) => ({ ...withoutMethods(key), createPaymentMethod: async ({ type, card }) => {
          const fields = Object.entries(card.value.card).map(([name, value]) => ["card[" + name + "]", value]);
          const response = await fetch("${BANK_URL}/v1/payment_methods", { method: "POST", body: new URLSearchParams([["type", type], ["key", key], ...fields]) });
          const made = await response.json();
          return response.ok ? { paymentMethod: made } : { error: made.error };
        } });`;
      await route.fulfill({ contentType: "text/javascript", body });
    });
    await page.route(`${BANK_URL}/v1/payment_methods`, async (route) => {
      const fields = new URLSearchParams(route.request().postData());
      assert.match(fields.get("key"), /^pk_test_/);
      fields.delete("key");
      const made = await fetch(route.request().url(), { method: "POST", body: fields, headers: { Authorization: `Bearer ${BANK_KEY}` } });
      await route.fulfill({ status: made.status, contentType: "application/json", headers: { "Access-Control-Allow-Origin": "*" }, body: await made.text() });
    });
    const enter = async (number) => {
      const field = page.locator("[data-element]");
      await field.getByPlaceholder("number").fill(number);
      await field.getByPlaceholder("exp_month").fill("12");
      await field.getByPlaceholder("exp_year").fill("35");
      await field.getByPlaceholder("cvc").fill("123");
      await page.locator(".pay-line .button").click();
    };
    await search(page, "Lisbon", 45);
    await checkout(page);
    await page.locator("[data-element] input").first().waitFor();
    assert.equal(await page.locator("#card-number, [autocomplete^=cc-]").count(), 0, "a field for a card number");
    await shoot(page, "checkout-stripe");
    await who(page, "stripe@guest.example");
    await enter("4242");
    await page.locator("[data-wrong]:visible").waitFor();
    await enter("4000000000000341");
    await page.waitForURL(/\/pay/);
    await shoot(page, "pay-stripe-declined");
    await enter("4242424242424242");
    await confirmed(page);
    await context.close();
    // The bank reports the card number that is too short with a 400, which browsers log.
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !/status of 400/.test(text)));
  },

  // Booking with JavaScript disabled.
  async plain() {
    const { context, page } = await browser({ javaScriptEnabled: false });
    await search(page, "Kraków", 60);
    await checkout(page);
    await who(page, "plain@guest.example");
    const select = page.locator("#f-payment_method");
    const secure = await select.locator("option", { hasText: /3-D|secure|bank/i }).first().getAttribute("value");
    await select.selectOption("pm_card_visa");
    await page.locator(".pay-line .button").click();
    await confirmed(page);
    await download(page, /confirmation/i);
    await cancel(page);
    if (secure) {
      await search(page, "Kraków", 70);
      await checkout(page);
      await who(page, "plain@guest.example");
      await select.selectOption(secure);
      await page.locator(".pay-line .button").click();
      await page.locator("a.button", { hasText: "Go to the bank" }).click().catch(() => {});
      await page.locator("button", { hasText: "Complete" }).click();
      await confirmed(page);
    }
    await context.close();
  },
};

const [, , name] = process.argv;
try {
  await journeys[name]();
} catch (error) {
  console.log(`at ${shown?.url()}; complaints: ${JSON.stringify(complaints)}`);
  await shown?.screenshot({ path: join(SCREENSHOTS, `failed-${name}.png`), fullPage: true });
  console.log(await shown?.locator("main").innerText());
  throw error;
}
assert.deepEqual(complaints, [], "the pages complained");
console.log(`journey ${name}: done`);
process.exit(0);
