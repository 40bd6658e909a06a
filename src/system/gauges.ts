import { readdir, readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';

/** What the processors have done since the box started, in the same unit (proc(5), /proc/stat). */
interface Work {
  readonly busy: number;
  readonly all: number;
}

const THERMAL = '/sys/class/thermal';
const BYTES_PER_KIB = 1024;

/** What kernels call the sensor of the processor: Raspberry Pi and most ARM boards, Intel, AMD. */
const CPU_SENSORS = ['cpu-thermal', 'cpu_thermal', 'soc-thermal', 'soc_thermal', 'x86_pkg_temp', 'k10temp'];

/** Below and above it is no temperature of a processor but a sensor that is not there (degrees Celsius). */
const COLDEST = -40;
const HOTTEST = 130;

function work(): Work {
  const times = cpus().map(({ times: { user, nice, sys, idle, irq } }) => ({
    busy: user + nice + sys + irq,
    all: user + nice + sys + irq + idle,
  }));
  return {
    busy: times.reduce((sum, { busy }) => sum + busy, 0),
    all: times.reduce((sum, { all }) => sum + all, 0),
  };
}

/** How busy the processors of the box were from one question to the next, all together. */
export class CpuGauge {
  #before = work();

  /** In whole percent; null where no time has passed. */
  read(): number | null {
    const before = this.#before;
    this.#before = work();
    const all = this.#before.all - before.all;
    return all <= 0 ? null : Math.round(Math.min(1, (this.#before.busy - before.busy) / all) * 100);
  }
}

/** The memory of the box: all of it, and what is used and could not be given to somebody else (bytes). */
export async function readMemory(): Promise<{ readonly total: number; readonly used: number }> {
  const total = totalmem();
  const info = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(info)?.[1];
  return {
    total,
    used: available === undefined ? 0 : Math.max(0, total - Number(available) * BYTES_PER_KIB),
  };
}

/** The temperature of the processor (degrees Celsius); null where the box tells none. */
export async function readTemperature(folder = THERMAL): Promise<number | null> {
  const zones = await readdir(folder).catch(() => []);
  const found: { readonly rank: number; readonly celsius: number }[] = [];
  for (const zone of zones.filter((name) => name.startsWith('thermal_zone'))) {
    const read = (file: string) => readFile(`${folder}/${zone}/${file}`, 'utf8').catch(() => '');
    const [type, text] = await Promise.all([read('type'), read('temp')]);
    // thousandths of a degree (Documentation/driver-api/thermal/sysfs-api.rst)
    const celsius = Math.round(Number(text.trim() || 'none') / 100) / 10;
    const rank = CPU_SENSORS.indexOf(type.trim());
    if (celsius > COLDEST && celsius < HOTTEST)
      found.push({ rank: rank < 0 ? CPU_SENSORS.length : rank, celsius });
  }
  return found.sort((a, b) => a.rank - b.rank)[0]?.celsius ?? null;
}
