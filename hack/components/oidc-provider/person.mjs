#!/usr/bin/env node
// A person with a browser at that provider: BROWSER=person.mjs. Follows links of answers, fills in forms, and ends at the first page
// without one.
//   person.mjs URL
//   SSO_USER               who signs in
//   SSO_DENIES             set: presses "abort" where the page has it
//   NODE_EXTRA_CA_CERTS    who signs for the provider
const cookies = new Map();

async function visit(url, form) {
  for (let redirects = 0; redirects < 20; redirects++) {
    const answer = await fetch(url, {
      method: form ? "POST" : "GET",
      body: form,
      redirect: "manual",
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
      signal: AbortSignal.timeout(20_000),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [name, value] = cookie.split(";", 1)[0].split(/=(.*)/s);
      if (value === "") cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = answer.headers.get("location");
    if (!location) return { url, status: answer.status, text: await answer.text() };
    url = new URL(location, url).href;
    form = undefined;
  }
  throw new Error("too many redirects");
}

function attribute(tag, name) {
  const found = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
  return found?.replaceAll("&amp;", "&");
}

let page = await visit(process.argv[2]);
for (let pages = 0; pages < 10 && page.text.includes("<form"); pages++) {
  const abort = /href="([^"]*\/abort)"/.exec(page.text)?.[1];
  if (process.env.SSO_DENIES && abort) {
    page = await visit(new URL(abort, page.url).href);
    break;
  }
  const tag = /<form[^>]*>/.exec(page.text)[0];
  const form = new URLSearchParams();
  for (const input of page.text.match(/<input[^>]*>/g) ?? []) {
    const name = attribute(input, "name");
    if (name) form.set(name, attribute(input, "value") ?? "");
  }
  if (form.has("login")) {
    form.set("login", process.env.SSO_USER);
    form.set("password", "any");
  }
  page = await visit(new URL(attribute(tag, "action") ?? page.url, page.url).href, form);
}
if (page.status >= 400) {
  console.error(`${page.url} answers ${page.status}: ${page.text.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").slice(0, 500)}`);
  process.exit(1);
}
console.log(page.text.replace(/<style.*?<\/style>|<[^>]*>/gs, " ").replace(/\s+/g, " ").trim());
