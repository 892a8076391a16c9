/** The policy of a payments team as its version `n` has it: limits that grow, rules that come and go. */
export function paymentPolicy(n: number): string {
  const document = {
    transfer: {
      max_amount: { CHF: 20_000 + n * 500, EUR: 20_000 + n * 500, USD: 25_000 },
      daily_total: { EUR: 100_000 + Math.floor(n / 3) * 25_000 },
      settlement_account: "CH9300762011623852957",
      second_approval_above: n < 5 ? 10_000 : 15_000,
    },
    velocity: {
      window_seconds: 3600,
      transfers_per_account: 20 + n,
      new_beneficiaries_per_day: n < 8 ? 5 : 3,
    },
    screening: {
      lists: ["EU", "OFAC", "UN", ...(n < 4 ? [] : ["UK-HMT"]), ...(n < 9 ? [] : ["SECO"])],
      minimum_score: 0.8,
      on_match: "hold_and_alert",
    },
    rules: [
      { id: "block-sanctioned-countries", action: "deny", when: { country_in: ["IR", "KP", "SY"] } },
      { id: "step-up-new-device", action: "step_up", when: { device_age_days_below: n < 7 ? 7 : 14 } },
      { id: "hold-large-first-transfer", action: "hold", when: { amount_above: 5000 + n * 250, first_transfer: true } },
      ...(n < 6 ? [] : [{ id: "deny-mule-accounts", action: "deny", when: { mule_score_above: 0.9 } }]),
    ],
  };
  return JSON.stringify(document);
}

/** The policy of a team that guards an assistant, as its version `n` has it. */
export function guardrailPolicy(n: number): string {
  return JSON.stringify({
    models: { allowed: ["support-large", "support-small", ...(n < 3 ? [] : ["support-vision"])], temperature_max: 0.4 },
    topics: { refuse: ["legal advice", "medical dosage", ...(n < 2 ? [] : ["investment advice"])] },
    pii: { detect: ["email", "iban", "phone"], action: n < 4 ? "mask" : "block", confidence: 0.85 },
    tools: { refund: { max_amount_eur: 50 * n, human_above_eur: 50 }, lookup_order: { per_minute: 30 } },
  });
}

/** What each version of the payments policy changed: its title, why, and by whom. */
export const PAYMENT_CHANGES: readonly { readonly title: string; readonly by: string; readonly revision: string }[] = [
  { title: "First limits for instant transfers", by: "mara.lindqvist@northwind.example", revision: "4f1c2a9" },
  { title: "Raise transfer limits for the pilot banks", by: "jonas.weber@northwind.example", revision: "a90d7e1" },
  { title: "Daily total follows the treasury forecast", by: "mara.lindqvist@northwind.example", revision: "0b83f5c" },
  { title: "Screen against the UK HMT list", by: "amara.okafor@northwind.example", revision: "c7e4412" },
  { title: "Second approval only above 15,000 EUR", by: "jonas.weber@northwind.example", revision: "81d29bf" },
  { title: "Deny accounts with a mule score above 0.9", by: "amara.okafor@northwind.example", revision: "e56a3d0" },
  { title: "Step up devices younger than 14 days", by: "li.zhang@northwind.example", revision: "2290ce8" },
  { title: "Three new beneficiaries a day", by: "li.zhang@northwind.example", revision: "d41f7b6" },
  { title: "Screen against the SECO list", by: "amara.okafor@northwind.example", revision: "6ac08e3" },
  { title: "Weekend limits for card settlements", by: "mara.lindqvist@northwind.example", revision: "93b7d25" },
  { title: "Raise limits for the autumn campaign", by: "jonas.weber@northwind.example", revision: "f8e1a47" },
  { title: "Hold large first transfers for review", by: "li.zhang@northwind.example", revision: "17c6b90" },
];
