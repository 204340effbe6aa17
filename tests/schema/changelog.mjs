/** The schema paths that the changelog's "Unreleased" section names as breaking. */
export function namedAsBreaking(changelog) {
  const breaking = entries(section(changelog, "Unreleased")).filter((entry) =>
    /^(- Breaking: |(- )?\*\*Breaking\*\*)/.test(entry),
  );
  const quoted = breaking.flatMap((entry) => [...entry.matchAll(/`([^`]+)`/g)]);
  return new Set(quoted.map(([, path]) => path));
}

function section(changelog, title) {
  const lines = changelog.split(/\r?\n/);
  const start = lines.findIndex((line) => line.trim() === `## ${title}`);
  if (start < 0) {
    return [];
  }
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith("## "));
  return end < 0 ? rest : rest.slice(0, end);
}

// An entry goes on over the lines that it is wrapped to.
function entries(lines) {
  const found = [""];
  for (const line of lines) {
    if (/^(- |\*\*|#|\s*$)/.test(line)) {
      found.push(line);
    } else {
      found[found.length - 1] += ` ${line.trim()}`;
    }
  }
  return found;
}
