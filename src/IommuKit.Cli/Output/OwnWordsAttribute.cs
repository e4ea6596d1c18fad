namespace IommuKit.Cli.Output;

/// <summary>Text that is made of this program's own words only, so that CSV has it as it is.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class OwnWordsAttribute : Attribute;
