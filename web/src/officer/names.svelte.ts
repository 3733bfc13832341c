/** People, organisations and devices by number, for entries and pickers. */

import { get } from '../api/http.ts';
import type { DeviceRow, OrganisationRow, PersonRow } from '../api/types.ts';
import type { Names } from './sentence.ts';

export class Directory implements Names {
  people = $state.raw<PersonRow[]>([]);
  organisations = $state.raw<OrganisationRow[]>([]);
  devices = $state.raw<DeviceRow[]>([]);

  async load(): Promise<void> {
    [this.people, this.organisations, this.devices] = await Promise.all([
      get<PersonRow[]>('/api/people'),
      get<OrganisationRow[]>('/api/organisations'),
      get<DeviceRow[]>('/api/devices'),
    ]);
  }

  person = (number: number): string | undefined => this.people.find((row) => row.person === number)?.name;
  organisation = (number: number): string | undefined => this.organisations.find((row) => row.organisation === number)?.name;
  device = (number: number): string | undefined => this.devices.find((row) => row.device === number)?.name;
}
