using System.Globalization;
using System.Text;

namespace IommuKit.Analysis.Tests.Calibration;

/// <summary>
/// Writes the trace of a kernel whose commands and waits take known times, and whose tasks often have other work to do: some of it for very long.
/// It is made of events as the kernel prints them, and of nothing that the calibration uses.
/// </summary>
internal sealed class PlantedTrace(int seed)
{
    private readonly Random _random = new(seed);
    private readonly StringBuilder _text = new("# tracer: nop\n#\n");
    private readonly long[] _now = [1_000_000_000, 1_000_000_500];

    /// <summary>What a command takes, in nanoseconds.</summary>
    public double CommandNs { get; init; } = 120;

    /// <summary>What the rest of a submission takes, with its wait.</summary>
    public double WaitNs { get; init; } = 2400;

    /// <summary>The most commands of a submission.</summary>
    public int MostCommands { get; init; } = 1;

    /// <summary>The share of gaps in which the task has other work to do, before it prints its next event.</summary>
    public double OtherWork { get; init; } = 0.35;

    /// <summary>How much times scatter, as a standard deviation relative to them.</summary>
    public double Scatter { get; init; } = 0.03;

    /// <summary>Nanoseconds in a step of the clock.</summary>
    public int Step { get; init; } = 1;

    /// <summary>Writes some unmaps with their flushes, and returns the file.</summary>
    public string Write(string folder, int unmaps)
    {
        for (int i = 0; i < unmaps; i++)
        {
            int cpu = _random.Next(2);
            ulong iova = 0x1000_0000ul + ((ulong)i * 0x1000);
            Event(cpu, string.Create(
                CultureInfo.InvariantCulture, $"map: IOMMU: iova=0x{iova:x16} - 0x{iova + 0x1000:x16} paddr=0x{iova:x16} size=4096"));
            Pass(cpu, 900);
            Event(cpu, string.Create(
                CultureInfo.InvariantCulture, $"unmap: IOMMU: iova=0x{iova:x16} - 0x{iova + 0x1000:x16} size=4096 unmapped_size=4096"));
            Pass(cpu, 300);
            int commands = 1 + _random.Next(MostCommands);
            for (int command = 0; command < commands; command++)
            {
                Event(cpu, string.Create(CultureInfo.InvariantCulture, $"qi_submit: iotlb_inv dmar0: 0x500f2 0x{iova:x} 0x0 0x0"));

                // Behind the last there is the command that waits.
                Pass(cpu, command + 1 < commands ? CommandNs : (2 * CommandNs) + WaitNs);
            }

            if (_random.NextDouble() < OtherWork)
            {
                // A tail as of 1/x: now and then a thousand times as long.
                _now[cpu] += (long)(400 / Math.Max(1e-4, _random.NextDouble()));
            }
        }

        string file = Path.Combine(folder, $"planted-{seed}.trace");
        File.WriteAllText(file, _text.ToString());
        return file;
    }

    private void Pass(int cpu, double nanoseconds)
    {
        double normal = Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
        _now[cpu] += (long)(nanoseconds * (1 + (Scatter * normal)));
    }

    private void Event(int cpu, string text)
    {
        long at = _now[cpu] / Step * Step;
        _text.Append(CultureInfo.InvariantCulture, $"            task-{100 + cpu}     [{cpu:000}] .....  {at / 1_000_000_000}.{at % 1_000_000_000:000000000}: {text}\n");
    }
}
