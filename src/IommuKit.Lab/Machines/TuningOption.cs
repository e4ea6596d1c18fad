namespace IommuKit.Lab.Machines;

/// <summary>
/// Something that can be tuned about the driver of an IOMMU: an option of the command line, and a number or a name in results. 0 is what the driver does by
/// itself.
/// </summary>
/// <param name="Name">Its name, in lower case with dashes: <c>tlb-step</c> is the option <c>--tlb-step</c>. Kinds may have one together.</param>
/// <param name="HelpName">What stands for the value in the help: <c>SIZE</c>.</param>
/// <param name="Description">What it does, with its unit and what 0 means.</param>
public sealed record TuningOption(string Name, string HelpName, string Description)
{
    /// <summary>
    /// Reads what a user typed; null for a whole number, 0 or more. It throws <see cref="IommuKit.Traces.InputException"/> with what
    /// is wrong, as <c>"4K" is neither 16K nor 32K</c>.
    /// </summary>
    public Func<string, int>? Read { get; init; }

    /// <summary>Writes a value other than 0, as <see cref="Read"/> reads it; null for a whole number.</summary>
    public Func<int, string>? Format { get; init; }

    /// <summary>Whether values are names, which results have in the place of numbers: <see cref="Text"/>.</summary>
    public bool HasNames { get; init; }

    /// <summary>
    /// The value by which the driver does as a kernel did that a trace was recorded on, by its release (<c>6.1.0-41-amd64</c>) or null where nothing says
    /// it; null for an option that has no such value.
    /// </summary>
    public Func<string?, int>? RecordedBy { get; init; }

    /// <summary>A value as users write it.</summary>
    public string Text(int value) =>
        value == 0 || Format is null ? value.ToString(System.Globalization.CultureInfo.InvariantCulture) : Format(value);
}
