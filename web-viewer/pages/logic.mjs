// The tests of the page's logic, compiled to wasm, in Node. Each argument is a folder that the pack has laid out.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const require = createRequire(import.meta.url);
// What wasm-bindgen-test asks of whoever runs it.
globalThis.__wbg_test_invoke = (test) => test();
globalThis.__wbgtest_og_console_log = console.log;

const folders = process.argv.slice(2);
if (folders.length === 0) throw new Error("nothing to test");
for (const folder of folders) {
  const glue = require(resolve(folder, "tests.js"));
  const tests = Object.keys(glue.__wasm).filter((name) => name.startsWith("__wbgt_"));
  // None would be no proof.
  const passed = tests.length > 0 && (await new glue.WasmBindgenTestContext(false).run(tests.map((name) => glue.__wasm[name])));
  if (!passed) {
    console.error(`${folder}: ${tests.length} tests, not all passed`);
    process.exitCode = 1;
  }
}
