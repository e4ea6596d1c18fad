using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>What can be tuned about the driver: see <see cref="VtdDriverOptions"/>.</summary>
public static class VtdTuning
{
    private static readonly (string Name, VtdDriverOptions Options)[] Presets =
    [
        ("own", new VtdDriverOptions()),
        ("linux-6.1", VtdDriverOptions.Linux61),
        ("linux-6.12", VtdDriverOptions.Linux612),
        ("linux-6.12.63", VtdDriverOptions.Linux61263),
        ("linux-6.19", VtdDriverOptions.Linux619),
    ];

    // What two of them were called before they were named after kernels.
    private static readonly (string Name, VtdDriverOptions Options)[] Aliases =
    [
        ("linux", VtdDriverOptions.Linux),
        ("linux-hint", VtdDriverOptions.LinuxWithHint),
    ];

    /// <summary>By whose rules the driver invalidates.</summary>
    public static TuningOption Rules { get; } = new(
        "vtd-rules",
        "NAME",
        "Rules of invalidation on VT-d: own, linux-6.1 (one block for pages of one size, never with the hint, a wait for each), linux-6.12 (one wait for "
            + "all), linux-6.12.63 (with the hint; also from 6.17.13 and 6.18.2 on), linux-6.19 (one block for all that changed). "
            + "Default: for a trace recorded on VT-d those of its kernel, otherwise own.")
    {
        Read = text => IndexOf(Presets.Concat(Aliases).FirstOrDefault(preset => preset.Name == text).Options) is { } index
            ? index
            : throw new InputException($"\"{text}\" is none of {string.Join(", ", Presets.Select(preset => preset.Name))}"),
        Format = index => Presets[index].Name,
        HasNames = true,
        RecordedBy = kernel => IndexOf((kernel is null ? null : VtdDriverOptions.OfLinux(kernel)) ?? VtdDriverOptions.Linux612) ?? 0,
    };

    /// <summary>How many blocks a range is invalidated by.</summary>
    public static TuningOption Blocks { get; } = new(
        "blocks", "COUNT", "Invalidate a range on VT-d by up to this many aligned blocks, or by the one around it. 0: as the rules say.");

    /// <summary>From how many pages on the whole domain is invalidated.</summary>
    public static TuningOption DomainThreshold { get; } = new(
        "domain-threshold", "PAGES", "From this many pages of a range on, invalidate the whole domain on VT-d instead. 0: never.");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<TuningOption> All { get; } = [Rules, Blocks, DomainThreshold];

    /// <summary>The options of a driver for a machine.</summary>
    internal static VtdDriverOptions OptionsFor(MachineSettings settings)
    {
        var options = Presets[Math.Min(settings.Tuning[Rules], Presets.Length - 1)].Options;
        return options with
        {
            BlocksPerRange = settings.Tuning[Blocks] is > 0 and var blocks ? blocks : options.BlocksPerRange,
            DomainThreshold = settings.Tuning[DomainThreshold],
            HasRangeFlush = settings.HasRangeFlush,
        };
    }

    private static int? IndexOf(VtdDriverOptions? options) =>
        options is not null && Array.FindIndex(Presets, preset => preset.Options == options) is >= 0 and var index ? index : null;
}
