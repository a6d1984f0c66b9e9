// Opens pages of `prep report` in a real headless Chromium and checks what a person would see:
//
//   node check.mjs CHROMIUM [--pictures DIR] PAGE.html REPORT.json ...
//
// rendered, no error on the console, no request to anywhere, every number equal to the JSON, both as a
// value and as it is written, no sideways scrolling at 360 px, searching works, names for those who do
// not see. Talks the DevTools protocol over pipes (--remote-debugging-pipe), so it needs no package.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [chromium, ...rest] = process.argv.slice(2);
const pictures = rest[0] === "--pictures" ? rest.splice(0, 2)[1] : null;
const profile = mkdtempSync(join(tmpdir(), "prep-pages-"));
const browser = spawn(
  chromium,
  ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-dev-shm-usage", `--user-data-dir=${profile}`, "--remote-debugging-pipe"],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
);
const waiting = new Map();
let events = [];
let number = 0;
let text = "";
browser.stdio[4].on("data", (data) => {
  text += data;
  const messages = text.split("\0");
  text = messages.pop();
  for (const message of messages.map((m) => JSON.parse(m))) {
    const answer = waiting.get(message.id);
    if (answer) {
      waiting.delete(message.id);
      message.error ? answer.fail(new Error(JSON.stringify(message.error))) : answer.done(message.result);
    } else {
      events.push(message);
      listeners.forEach((listener) => listener(message));
    }
  }
});
const listeners = new Set();
browser.on("exit", () => waiting.forEach(({ fail }) => fail(new Error("Chromium has ended"))));
const send = (method, params = {}, sessionId) =>
  new Promise((done, fail) => {
    number += 1;
    waiting.set(number, { done, fail });
    browser.stdio[3].write(JSON.stringify({ id: number, method, params, sessionId }) + "\0");
  });
const event = (method) =>
  new Promise((done) => {
    const listener = (message) => {
      if (message.method === method) {
        listeners.delete(listener);
        done(message);
      }
    };
    listeners.add(listener);
  });

/** Runs in the page: what is to be seen of it. */
function look() {
  const q = (selector) => [...document.querySelectorAll(selector)];
  return {
    title: document.title,
    language: document.documentElement.lang,
    headings: q("h1, h2").length,
    width: document.documentElement.scrollWidth,
    inner: window.innerWidth,
    paper: getComputedStyle(document.body).backgroundColor,
    values: q("data").map((d) => [d.dataset.key, d.dataset.value, d.textContent]),
    badCharts: q("figure > svg").filter((svg) => !svg.querySelector("title")?.textContent || !svg.querySelector("desc")?.textContent || svg.getBoundingClientRect().width < 200).length,
    charts: q("figure > svg").length,
    badTables: q("table").filter((table) => !table.caption?.textContent || !table.querySelector("th[scope=col]")).length,
    unlabelled: q("input, select").filter((field) => field.labels.length === 0).length,
    landmarks: ["main", "nav", "header", "footer"].filter((name) => q(name).length === 0),
    scripts: q("script").length,
    ids: q("[id]").map((element) => element.id).filter((id, i, all) => all.indexOf(id) !== i),
    links: q("nav a").filter((link) => !document.querySelector(link.getAttribute("href"))).length,
  };
}

/** Runs in the page: searching for a word that no sample has, and for one that the last has. */
function search() {
  const box = document.querySelector(".find");
  if (!box) return null;
  const input = box.querySelector("input");
  const samples = [...box.parentElement.querySelectorAll(".sample")];
  const shown = () => samples.filter((sample) => !sample.hidden).length;
  const type = (word) => {
    input.value = word;
    input.dispatchEvent(new Event("input"));
    return shown();
  };
  const reason = samples.at(-1).dataset.reason;
  const all = shown();
  const none = type("qqqqzzzzqqqq");
  const some = type(reason.toUpperCase());
  const back = type("");
  return { samples: samples.length, all, none, some, back, status: box.querySelector("[role=status]").textContent };
}

const pointer = (json, path) =>
  path.split("/").slice(1).reduce((at, step) => at?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], json);

/** Whether what is written in the language is the number, rounded as far as its digits go. */
function reads(shown, value, language) {
  if (typeof value !== "number") return shown === String(value);
  // Russian has a comma where English has a point, and no other.
  const [mark, other] = language === "ru" ? [",", "."] : [".", ","];
  if (shown.includes(other)) return false;
  const plain = shown.replaceAll("\u00a0", "").replace(mark, ".");
  const digits = /\.(\d+)/.exec(plain)?.[1].length ?? 0;
  const exponent = Number(/e(-?\d+)/.exec(plain)?.[1] ?? 0);
  return Math.abs(Number(plain) - value) <= 0.500001 * 10 ** (exponent - digits);
}

const problems = [];
async function check(page, report) {
  const json = JSON.parse(readFileSync(report, "utf8"));
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const say = (method, params) => send(method, params, sessionId);
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await say(`${domain}.enable`);
  for (const [width, scheme] of [[1280, "light"], [360, "light"], [1280, "dark"], [360, "dark"]]) {
    const where = `${page} at ${width} px, ${scheme}`;
    const wrong = (what) => problems.push(`${where}: ${what}`);
    await say("Emulation.setDeviceMetricsOverride", { width, height: 800, deviceScaleFactor: 1, mobile: width < 500 });
    await say("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    events = [];
    const loaded = event("Page.loadEventFired");
    await say("Page.navigate", { url: pathToFileURL(resolve(page)).href });
    await loaded;
    const evaluate = async (f) => {
      const { result, exceptionDetails } = await say("Runtime.evaluate", { expression: `(${f})()`, returnByValue: true });
      if (exceptionDetails) wrong(`the check failed: ${JSON.stringify(exceptionDetails)}`);
      return result.value;
    };
    const seen = await evaluate(look);
    if (!seen.title || seen.headings < 4) wrong(`is not rendered: ${JSON.stringify(seen)}`);
    if (seen.width > width || seen.inner > width) wrong(`scrolls sideways: ${seen.width} px`);
    if (seen.charts === 0 || seen.badCharts > 0) wrong(`${seen.badCharts} of ${seen.charts} charts lack a title, a description or width`);
    if (seen.badTables > 0) wrong(`${seen.badTables} tables lack a caption or headers`);
    if (seen.unlabelled > 0) wrong(`${seen.unlabelled} fields without a label`);
    if (seen.landmarks.length > 0) wrong(`no landmark ${seen.landmarks}`);
    if (seen.scripts !== 1) wrong(`${seen.scripts} scripts: something of the data was run`);
    if (seen.ids.length > 0) wrong(`ids that occur twice: ${seen.ids}`);
    if (seen.links > 0) wrong(`${seen.links} links of the contents lead nowhere`);
    const bright = seen.paper.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0) > 384;
    if (bright !== (scheme === "light")) wrong(`the paper is ${seen.paper}`);
    if (seen.values.length < 10) wrong(`only ${seen.values.length} numbers of the report`);
    for (const [key, value, shown] of seen.values) {
      const want = pointer(json, key);
      if (want === undefined || String(want) !== value && Number(value) !== want) wrong(`${key} is ${value}, the report says ${want}`);
      else if (!reads(shown, want, seen.language)) wrong(`${key} reads ${shown}, the report says ${want}`);
    }
    const found = await evaluate(search);
    if (found && !(found.all === found.samples && found.none === 0 && found.some > 0 && found.back === found.samples)) wrong(`searching: ${JSON.stringify(found)}`);
    for (const { method, params } of events) {
      if (method === "Runtime.exceptionThrown") wrong(`exception: ${params.exceptionDetails.exception?.description}`);
      if (method === "Runtime.consoleAPICalled") wrong(`console: ${JSON.stringify(params.args)}`);
      if (method === "Log.entryAdded" && params.entry.level !== "info" && params.entry.level !== "verbose") wrong(`log: ${params.entry.text}`);
      if (method === "Network.requestWillBeSent" && !/^(file|data):/.test(params.request.url)) wrong(`asks for ${params.request.url}`);
    }
    if (pictures) {
      const { data } = await say("Page.captureScreenshot", { captureBeyondViewport: true, format: "png" });
      const name = `${basename(dirname(resolve(page)))}-${basename(page, ".html")}-${width}-${scheme}.png`;
      writeFileSync(join(pictures, name), Buffer.from(data, "base64"));
    }
  }
  await send("Target.closeTarget", { targetId });
}

for (let i = 0; i < rest.length; i += 2) await check(rest[i], rest[i + 1]);
const ended = new Promise((done) => browser.on("exit", done));
await send("Browser.close").catch(() => {});
await ended;
rmSync(profile, { recursive: true, force: true });
problems.slice(0, 40).forEach((problem) => console.error(problem));
console.log(`${rest.length / 2} pages in Chromium, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
