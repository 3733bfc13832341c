/** The pictures of a series, from what QIDO-RS says about its instances (PS3.18 section 10.6.3). Pure. */

export interface Picture {
  /** Where the picture is rendered. */
  path: string;
}

type Attribute = { Value?: unknown[] } | undefined;

/** In the order in which the machine numbered them; every frame is a picture. */
export function picturesOf(study: string, series: string, instances: readonly unknown[]): Picture[] {
  return instances
    .map((instance) => instance as Record<string, Attribute>)
    .map((instance) => ({
      uid: String(instance['00080018']?.Value?.[0] ?? ''),
      number: Number(instance['00200013']?.Value?.[0] ?? 0),
      frames: Math.max(1, Number(instance['00280008']?.Value?.[0] ?? 1) || 1),
    }))
    .filter(({ uid }) => /^[\d.]{1,64}$/.test(uid))
    .sort((one, other) => one.number - other.number)
    .flatMap(({ uid, frames }) => {
      const path = `/dicom-web/studies/${study}/series/${series}/instances/${uid}`;
      return frames === 1 ? [{ path: `${path}/rendered` }] : Array.from({ length: frames }, (_, frame) => ({ path: `${path}/frames/${frame + 1}/rendered` }));
    });
}
