import * as v from 'valibot';

/** How a setting of a device is asked for, worded in the language that was asked for. */
export const Field = v.object({
  name: v.string(),
  type: v.picklist(['text', 'lines', 'secret', 'multiline', 'number', 'switch', 'choice']),
  label: v.string(),
  help: v.string(),
  required: v.boolean(),
  default: v.union([v.string(), v.number(), v.boolean()]),
  /** Seldom needed: behind "more settings". */
  advanced: v.boolean(),
  choices: v.array(v.object({ value: v.string(), label: v.string() })),
  /** Shown only while another setting has one of these values. */
  when: v.nullable(v.object({ field: v.string(), is: v.array(v.string()) })),
});
export type DescribedField = v.InferOutput<typeof Field>;
