// `fetch` that notes what was sent: what comes out of a client's cache is not asked for.

export function countedFetch() {
  const calls: { method: string; url: string; body: string }[] = [];
  const mediaTypes: (string | null)[] = [];
  const counted = async (url: RequestInfo | URL, init?: RequestInit) => {
    const body = String(init?.body ?? "");
    calls.push({ method: init?.method ?? "GET", url: String(url), body });
    const response = await fetch(url, init);
    mediaTypes.push(response.headers.get("Content-Type"));
    return response;
  };
  return { calls, mediaTypes, fetch: counted };
}
