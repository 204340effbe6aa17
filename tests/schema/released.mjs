// The file that holds the last released SDL: its version on the first line, then the SDL as printed.
export const releasedFile = new URL("released.graphql", import.meta.url);

export function releasedText(version, sdl) {
  if (!/^\d+\.\d+\.\d+$/.test(version ?? "")) {
    throw new Error(`not a version: ${version}; give one such as 0.2.0`);
  }
  return `# ${version}\n${sdl}`;
}

export function releasedVersion(text) {
  return text.match(/^# (\d+\.\d+\.\d+)\n/)?.[1];
}
