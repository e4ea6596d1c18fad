using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Formats;

/// <summary>
/// Code that is generic over a page-table format, run for a format that is known only by name. <see cref="FormatKind.Accept{TResult}"/> picks the
/// type; from there on everything is compiled for it.
/// </summary>
/// <typeparam name="TResult">What the code returns.</typeparam>
public interface IFormatVisitor<out TResult>
{
    /// <summary>The code.</summary>
    /// <param name="kind">The format, with what is chosen at run time.</param>
    /// <typeparam name="TFormat">The format.</typeparam>
    TResult Visit<TFormat>(FormatKind kind)
        where TFormat : struct, IPageTableFormat;
}
