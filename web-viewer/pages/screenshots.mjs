// Pictures of every state, light and dark, phone and desktop: `node screenshots.mjs FOLDER`.
import { mkdir } from "node:fs/promises";
import { gists, link, record, stage, stamp, withToken } from "./stage.mjs";

const folder = process.argv[2];
await mkdir(folder, { recursive: true });
const set = await stage();
const day = (gist, names) => async () => {
  for (let n = 1; n <= 14; n += 1) {
    const start = n * 3_000 - 45_000;
    await gist.write(record(names[(n * n) % names.length], n, { acquireTime: stamp(start), renewTime: stamp(start + 2_400 + (n % 3) * 280) }));
  }
};
const released = () => JSON.stringify({ holderIdentity: "", leaseDurationSeconds: 1, leaderTransitions: 15, instance: "i15", releasedBy: "napoleon", acquireTime: stamp(-500), renewTime: stamp(0) });
const states = {
  welcome: null,
  held: async (gist) => gist.write(record("napoleon", 15)),
  led: async (gist, page) => {
    await gist.write(record("napoleon", 15));
    await page.waitForTimeout(3_000);
    await gist.write(record("napoleon", 15));
    await page.waitForTimeout(4_000);
    await gist.write(record("napoleon", 15));
    await page.waitForTimeout(6_500);
  },
  wall: async (gist, page) => states.led(gist, page),
  released: async (gist) => gist.write(released()),
  expired: async (gist, page) => {
    await gist.write(record("cleopatra", 15, { leaseDurationSeconds: 4 }));
    await page.waitForTimeout(8_000);
  },
  unclear: async (gist) => gist.write("Please do not touch this file.\n  Ann"),
  missing: async (gist) => {
    await gist.write("notes", "readme.md");
    await gist.write(null);
  },
  unreachable: async (gist, page) => {
    await page.waitForTimeout(2_500);
    gist.stop();
    await page.waitForTimeout(9_000);
  },
  // Nobody ever led.
  free: async (_, page) => page.locator(".leader.state-free").waitFor(),
  throttled: async (gist, page) => {
    await gist.write(record("napoleon", 15));
    await page.waitForTimeout(2_600);
    await gist.faults([{ fault: "status", method: "GET", status: 429, retry_after: 3600 }]);
  },
  offline: async (gist, page) => {
    await gist.write(record("napoleon", 15));
    await page.waitForTimeout(2_600);
    await page.context().setOffline(true);
  },
  "wrong-token": async (gist, page) => {
    await page.fill("#token", "wrong");
    await page.click("button.primary");
    await page.locator("#failure", { hasText: "The token is wrong" }).waitFor();
  },
  // Nobody looks: nothing is read, and the page says so to whoever comes back.
  hidden: async (gist, page) => {
    await gist.write(record("napoleon", 15));
    await page.waitForTimeout(2_600);
    await page.evaluate(() => Object.defineProperty(document, "hidden", { configurable: true, get: () => true }));
    await page.locator("#fact-next", { hasText: "stopped" }).waitFor();
  },
  hostile: async (gist) => gist.write(record("<script>alert(1)</script>\u202Enoelopan " + "x".repeat(200), 15)),
};
// The playground in a story: at its end, or where something is to be seen for a while.
const plays = {
  "playground-elect": ["story=elect"],
  "playground-kill": ["story=kill"],
  "playground-pause": ["story=pause,patch", ".chip.paused"],
  "playground-original": ["story=hang,original", ".chip.double"],
};
const only = process.argv[3]?.split(",");
async function pictures(name, page) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const [size, viewport] of Object.entries({ phone: { width: 360, height: 780 }, desktop: { width: 1280, height: 860 } })) {
      await page.setViewportSize(viewport);
      await page.screenshot({ path: `${folder}/${name}-${colorScheme}-${size}.png`, fullPage: size === "phone" });
    }
  }
}
for (const [name, act] of Object.entries(states)) {
  if (only && !only.includes(name)) continue;
  const gist = await gists();
  const hasTerms = name !== "free";
  if (hasTerms) await day(gist, ["napoleon", "stalin", "cleopatra"])();
  const page = await set.page({}, /./);
  if (act) {
    await withToken(page, set.url, gist);
    if (hasTerms) await page.locator("tbody tr").first().waitFor();
    await act(gist, page);
    await page.waitForTimeout(2_600);
    if (name === "wall") await page.evaluate(() => document.querySelector(".viewer").classList.add("wall"));
  } else {
    await page.goto(set.url);
    await page.locator(".welcome").waitFor();
  }
  await pictures(name, page);
  await page.context().close();
  gist.stop();
}
for (const [name, [story, until]] of Object.entries(plays)) {
  if (only && !only.includes(name)) continue;
  const page = await set.page({ reducedMotion: "reduce" });
  await page.goto(`${set.url}#${story}`);
  if (until) {
    await page.selectOption("#speed", "10");
    await page.click("#play");
    await page.locator(until).first().waitFor();
    await page.waitForTimeout(3_000);
    await page.click("#play");
  } else {
    await page.click("#to-end");
  }
  await page.locator("#lines button").first().click();
  await page.evaluate(() => scrollTo(0, 0));
  await pictures(name, page);
  await page.context().close();
}
await set.stop();
