import { SearchBox } from "../../elements/search-box.js";
import { Select } from "../../elements/field.js";
import { TextFilter } from "../../elements/text-filter.js";
import type { SetQuery } from "../../elements/use-query.js";
import { FLEET_STATES, labelProblem, type FleetParams } from "./fleet-filter.js";

interface FleetFiltersProps {
  readonly params: FleetParams;
  readonly set: SetQuery;
  readonly environments: readonly string[];
  readonly labels: readonly string[];
  readonly labelKeys: readonly string[];
}

/** The filters of the fleet, and how it is grouped. */
export function FleetFilters({ params, set, environments, labels, labelKeys }: FleetFiltersProps) {
  const { state = "", env = "", label = "", agent = "", version = "", q = "", group = "" } = params;
  // One that the URL names is among the choices, also while it has no instance.
  const names = env === "" || environments.includes(env) ? environments : [...environments, env];
  const chosen = group.startsWith("label:") ? group.slice("label:".length) : undefined;
  const keys = chosen === undefined || labelKeys.includes(chosen) ? labelKeys : [...labelKeys, chosen];
  return (
    <div class="filters" role="search" aria-label="Filters of the fleet">
      <SearchBox
        label="Search"
        placeholder="Id, agent, address, reason, label"
        value={q}
        onChange={(text) => set({ q: text })}
      />
      <Select
        label="State"
        value={state}
        options={[["", "All states"], ...FLEET_STATES.map((it) => [it, it === "gone" ? "not live" : it] as const)]}
        onChange={(value) => set({ state: value })}
      />
      <Select
        label="Environment"
        value={env}
        options={[["", "All"], ...names.map((name) => [name, name] as const)]}
        onChange={(value) => set({ env: value })}
      />
      <TextFilter
        label="Label"
        placeholder="key=value"
        value={label}
        suggestions={labels}
        check={labelProblem}
        onChange={(text) => set({ label: text })}
      />
      <TextFilter label="Agent begins with" value={agent} onChange={(text) => set({ agent: text })} />
      {version !== "" && (
        <TextFilter
          label="Version"
          value={version}
          check={(text) => (/^[1-9]\d{0,8}$/.test(text) ? undefined : "A number from 1")}
          onChange={(text) => set({ version: text })}
        />
      )}
      <Select
        label="Group by"
        value={group}
        options={[
          ["", "Nothing"],
          ["version", "Version"],
          ["environment", "Environment"],
          ["agent", "Agent"],
          ...keys.map((key) => [`label:${key}`, `Label ${key}`] as const),
        ]}
        onChange={(value) => set({ group: value })}
      />
    </div>
  );
}
