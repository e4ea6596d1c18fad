using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Lab.Iommus.Tegra;

/// <summary>What can be tuned about the driver of the SMMU: see <see cref="Drivers.Tegra.TegraDriverOptions"/>.</summary>
public static class TegraTuning
{
    /// <summary>Bytes of IOVA from one TLB group flush to the next.</summary>
    public static TuningOption TlbStep { get; } = new(
        "tlb-step", "SIZE", "IOVA that one TLB group flush covers: 16K or 32K on Tegra. Default: what the hardware most likely has.")
    {
        Read = ReadStep,
        Format = step => ByteSize.Format((ulong)step),
    };

    /// <summary>From how many group flushes in a section on one flush of the section replaces them.</summary>
    public static TuningOption SectionThreshold { get; } = new(
        "section-threshold", "GROUPS", "From this many group flushes in a 4 MiB section on, flush the section instead. 0: never.");

    /// <summary>From how many TLB flushes on one flush of the address space replaces them.</summary>
    public static TuningOption AsidThreshold { get; } = new(
        "asid-threshold", "FLUSHES", "From this many TLB flushes on, flush the address space instead. 0: never.");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<TuningOption> All { get; } = [TlbStep, SectionThreshold, AsidThreshold];

    private static int ReadStep(string text)
    {
        ulong step = ByteSize.Parse(text);
        return step is 16 << 10 or 32 << 10 ? (int)step : throw new InputException($"\"{text}\" is neither 16K nor 32K");
    }
}
