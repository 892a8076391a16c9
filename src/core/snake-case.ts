/** A field's name as REST, masks and declarations write it: `promotesTo` is `promotes_to`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
