using System.Globalization;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Output;

/// <summary>Names the tuning that is in force, in the words of the command line.</summary>
internal static class Tuning
{
    /// <summary>What the field <c>tuning</c> says.</summary>
    public const string Meaning = "options of tuning that are in force, by name: `flush_all` in pages, those of the IOMMU's own options with `_` "
        + "for `-`, as `tlb_step` in bytes, or the name that the command line has, and `sections`, which is true; what is left out is the driver's own "
        + "choice, and empty in CSV";

    private const string FlushAll = "flush_all";
    private const string Superpages = "sections";

    /// <summary>The options that differ from what the driver does by itself; empty if there are none.</summary>
    public static string Describe(MachineSettings settings, int flushAllPages)
    {
        var options = new List<string>();
        Add("--flush-all", flushAllPages, flushAllPages.ToString(CultureInfo.InvariantCulture));
        foreach (var (option, value) in settings.Tuning.All)
        {
            Add($"--{option.Name}", value, option.Text(value));
        }

        if (settings.UsesSuperpages)
        {
            options.Add("--sections");
        }

        return string.Join(' ', options);

        void Add(string option, int value, string text)
        {
            if (value != 0)
            {
                options.Add($"{option} {text}");
            }
        }
    }

    /// <summary>The field of the options that are in force.</summary>
    public static NamedValues<T> Field<T>(Func<T, (MachineSettings Settings, int FlushAllPages)> tuningOf) =>
        new(
            item => [FlushAll, .. tuningOf(item).Settings.Tuning.All.Select(pair => NameOf(pair.Option)), Superpages],
            (item, name) => Find(tuningOf(item).Settings, tuningOf(item).FlushAllPages, name),
            string.Empty);

    /// <summary>The same as the end of a title.</summary>
    public static string InTitle(MachineSettings settings, int flushAllPages) =>
        Describe(settings, flushAllPages) is { Length: > 0 } tuning ? $"; tuned with {tuning}" : string.Empty;

    /// <summary>The value of an option; null if it is not in force.</summary>
    private static NamedValue? Find(MachineSettings settings, int flushAllPages, string name)
    {
        var (option, tuned) = settings.Tuning.All.FirstOrDefault(pair => NameOf(pair.Option) == name);
        int value = name switch
        {
            FlushAll => flushAllPages,
            Superpages => settings.UsesSuperpages ? 1 : 0,
            _ => tuned,
        };
        return value == 0 ? null : new NamedValue(value, IsSwitch: name == Superpages, option is { HasNames: true } ? option.Text(value) : null);
    }

    private static string NameOf(TuningOption option) => option.Name.Replace('-', '_');
}
