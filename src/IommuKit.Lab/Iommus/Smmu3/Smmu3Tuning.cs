using IommuKit.Drivers.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>What can be tuned about the driver: see <see cref="Smmu3DriverOptions"/>.</summary>
public static class Smmu3Tuning
{
    private static readonly string[] Encodings = ["exact", "padded", "covering", "pages"];

    /// <summary>How ranges become commands.</summary>
    public static TuningOption Ranges { get; } = new(
        "smmu-ranges",
        "NAME",
        "Ranges on SMMUv3: exact, padded (as Linux: a page more where exact is illegal), covering (one command), pages (one for each). Default: exact.")
    {
        Read = text => Array.IndexOf(Encodings, text) is >= 0 and var index
            ? index
            : throw new InputException($"\"{text}\" is none of {string.Join(", ", Encodings)}"),
        Format = index => Encodings[index],
        HasNames = true,
    };

    /// <summary>From how many commands on the whole address space is invalidated.</summary>
    public static TuningOption Threshold { get; } = new(
        "smmu-threshold", "COMMANDS", "From this many commands for a range on, invalidate the whole address space on SMMUv3 instead. 0: 65,536.");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<TuningOption> All { get; } = [Ranges, Threshold];

    /// <summary>The options of a driver for a machine.</summary>
    internal static Smmu3DriverOptions OptionsFor(MachineSettings settings)
    {
        int encoding = Math.Min(settings.Tuning[Ranges], Encodings.Length - 1);
        bool usesRanges = encoding <= (int)Smmu3RangeEncoding.Covering;
        return new Smmu3DriverOptions
        {
            UsesRanges = usesRanges,
            RangeEncoding = usesRanges ? (Smmu3RangeEncoding)encoding : Smmu3RangeEncoding.Exact,
            AddressSpaceThreshold = settings.Tuning[Threshold],
            HasRangeFlush = settings.HasRangeFlush,
        };
    }
}
