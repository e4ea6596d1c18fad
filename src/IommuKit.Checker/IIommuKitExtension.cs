using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker;

/// <summary>
/// What an assembly brings to <c>iommukit … --load My.dll</c>: a public class with a constructor without parameters that implements this is found
/// in it.
/// There may be several. docs/extending.md shows how.
/// </summary>
public interface IIommuKitExtension
{
    /// <summary>Kinds of IOMMU, for <c>models</c>, <c>bench</c> and <c>replay</c>.</summary>
    IEnumerable<IommuKind> Kinds => [];

    /// <summary>Page-table formats, for <c>dump</c>, <c>bench --format</c>, and <c>check</c> with a walker in software.</summary>
    IEnumerable<FormatKind> Formats => [];

    /// <summary>
    /// What <c>check</c> is to know of the kinds: a target has the name of its kind. It also says what the least maintenance is that <c>bench</c>
    /// compares with.
    /// </summary>
    IEnumerable<CheckTarget> Targets => [];
}
