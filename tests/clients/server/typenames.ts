/** The same data without the `__typename`s that clients add to what they ask for. */
export function withoutTypenames<Data>(data: Data): Data {
  const fields = (name: string, value: unknown) => (name === "__typename" ? undefined : value);
  return JSON.parse(JSON.stringify(data, fields));
}
