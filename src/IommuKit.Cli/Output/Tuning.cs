using System.Globalization;
using IommuKit.Lab;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Output;

/// <summary>Names the tuning that is in force, in the words of the command line.</summary>
internal static class Tuning
{
    /// <summary>What the field <c>tuning</c> says.</summary>
    public const string Meaning = "options of tuning that are in force, by name: `flush_all` in pages, `tlb_step` in bytes, `section_threshold`, "
        + "`asid_threshold`, and `sections`, which is true; what is left out is the driver's own choice, and empty in CSV";

    private static readonly string[] OptionNames = ["flush_all", "tlb_step", "section_threshold", "asid_threshold", "sections"];

    /// <summary>The options that differ from what the driver does by itself; empty if there are none.</summary>
    public static string Describe(MachineSettings settings, int flushAllPages)
    {
        var options = new List<string>();
        Add("--flush-all", flushAllPages, flushAllPages.ToString(CultureInfo.InvariantCulture));
        Add("--tlb-step", settings.TlbStep, ByteSize.Format((ulong)settings.TlbStep));
        Add("--section-threshold", settings.SectionThreshold, settings.SectionThreshold.ToString(CultureInfo.InvariantCulture));
        Add("--asid-threshold", settings.AsidThreshold, settings.AsidThreshold.ToString(CultureInfo.InvariantCulture));
        if (settings.UsesSections)
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
        new(OptionNames, (item, name) => Find(tuningOf(item).Settings, tuningOf(item).FlushAllPages, name), string.Empty);

    /// <summary>The same as the end of a title.</summary>
    public static string InTitle(MachineSettings settings, int flushAllPages) =>
        Describe(settings, flushAllPages) is { Length: > 0 } tuning ? $"; tuned with {tuning}" : string.Empty;

    /// <summary>The value of an option; null if it is not in force.</summary>
    private static NamedValue? Find(MachineSettings settings, int flushAllPages, string name)
    {
        int value = name switch
        {
            "flush_all" => flushAllPages,
            "tlb_step" => settings.TlbStep,
            "section_threshold" => settings.SectionThreshold,
            "asid_threshold" => settings.AsidThreshold,
            _ => settings.UsesSections ? 1 : 0,
        };
        return value == 0 ? null : new NamedValue(value, IsSwitch: name == "sections");
    }
}
