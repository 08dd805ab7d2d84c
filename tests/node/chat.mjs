// Two tabs of a browser use the page of apps/chat, as people would. `node chat.mjs URL`.
import { createInterface } from "node:readline/promises";
import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const PATIENCE = 60_000;
setTimeout(() => { console.error("the browser takes too long"); process.exit(2); }, 2 * PATIENCE).unref();

const url = process.argv[2];
const told = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const browser = await puppeteer.launch({
  args: chromium.args,
  executablePath: await chromium.executablePath(),
  headless: "shell",
});

async function tab(name, room) {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("pageerror", (error) => { console.log("page error:", error.message); });
  await page.goto(`${url}#${room}`);
  await page.waitForSelector("#status[data-state=open]");
  await page.$eval("#name", (input, name) => { input.value = name; }, name);
  return page;
}

async function say(page, text) {
  await page.type("#text", text);
  await page.keyboard.press("Enter");
}

const hears = (page, line) =>
  page.waitForFunction((line) => [...document.querySelectorAll("#messages li")].some((li) => li.textContent === line), {}, line);
const status = (page, start) =>
  page.waitForFunction((start) => document.querySelector("#status").textContent.startsWith(start), {}, start);
const lines = (page) => page.$$eval("#messages li", (all) => all.map((li) => li.textContent));

try {
  const anna = await tab("Anna", "tea");
  const ben = await tab("Ben", "tea");
  const other = await tab("Cleo", "coffee");
  await status(anna, "2 are here");
  await say(anna, "hello, <b>Ben</b> 🙂");
  await hears(ben, "Annahello, <b>Ben</b> 🙂");
  await say(ben, "hello");
  await hears(anna, "Benhello");
  if ((await lines(other)).length !== 0) throw new Error("another room hears it");
  console.log("two tabs talk");

  await ben.reload();
  await ben.waitForSelector("#status[data-state=open]");
  await hears(ben, "Benhello");
  await status(anna, "2 are here");
  console.log("a tab was reloaded");

  // Every status that the page shows from here on.
  await anna.evaluate(() => {
    window.shown = [];
    const watched = document.querySelector("#status");
    new MutationObserver(() => window.shown.push(watched.textContent)).observe(watched, { childList: true });
  });
  console.log("restart the server");
  await told.next();
  await anna.waitForFunction(() => window.shown.some((text) => text.startsWith("closed: ")));
  const closed = await anna.evaluate(() => window.shown.find((text) => text.startsWith("closed: ")));
  console.log(closed);
  await status(anna, "2 are here");
  await ben.$eval("#name", (input) => { input.value = "Ben"; });
  await say(ben, "back again");
  await hears(anna, "Benback again");
  console.log("they talk again");
} finally {
  await browser.close();
}
process.exit(0);
