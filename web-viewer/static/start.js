// The only script that is written by hand: it loads the page, or says why it cannot.
import init from "./page.js";

init({ module_or_path: new URL("page_bg.wasm", import.meta.url) }).catch((error) => {
  const words = document.createElement("p");
  words.setAttribute("role", "alert");
  words.textContent = `The page cannot start: ${error}. It needs a browser with WebAssembly, from 2023 or later.`;
  document.querySelector("#before main")?.replaceChildren(words);
});
