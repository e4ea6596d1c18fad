using IommuKit.Lab.Formats;
using IommuKit.Lab.Iommus;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Tests.Formats;

/// <summary>The catalog against the formats that there are.</summary>
public class FormatCatalogTests
{
    private static readonly Type[] Types = typeof(IPageTableFormat).Assembly.GetTypes();

    public static TheoryData<string> Names => [.. FormatCatalog.All.Select(kind => kind.Name)];

    [Fact]
    public void Every_format_of_the_specs_is_in_the_catalog()
    {
        var formats = Types.Where(type => type.IsValueType && type.IsAssignableTo(typeof(IPageTableFormat))).SelectMany(Closed).ToList();
        formats.Count.ShouldBeGreaterThan(16);
        FormatCatalog.All.Select(kind => kind.Accept(new TypeOf())).ShouldBe(formats, ignoreOrder: true);
        FormatCatalog.All.Select(kind => kind.Name).Distinct(StringComparer.Ordinal).Count().ShouldBe(FormatCatalog.All.Count);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_format_is_found_by_its_name_and_has_tables_for_its_widths(string name)
    {
        var kind = FormatCatalog.Find(name.ToUpperInvariant()).ShouldNotBeNull();
        kind.Name.ShouldBe(name);
        kind.Description.ShouldNotBeNullOrWhiteSpace();
        kind.Accept(new NameOf()).ShouldBe(name);
        kind.Accept(new HasRoot()).ShouldBeTrue();
        kind.PageSizes.ShouldNotBe(0ul);
    }

    [Fact]
    public void What_is_not_there_is_not_found() => FormatCatalog.Find("pentium").ShouldBeNull();

    /// <summary>A format, or a generic one with everything that its parameters can be.</summary>
    private static IEnumerable<Type> Closed(Type format)
    {
        if (!format.IsGenericTypeDefinition)
        {
            return [format];
        }

        IEnumerable<Type[]> arguments = [[]];
        foreach (var parameter in format.GetGenericArguments())
        {
            var constraint = parameter.GetGenericParameterConstraints().Single(type => type.IsInterface);
            var candidates = Types.Where(type => type.IsValueType && type.IsAssignableTo(constraint)).ToList();
            arguments = [.. from before in arguments from candidate in candidates select (Type[])[.. before, candidate]];
        }

        return arguments.Select(format.MakeGenericType);
    }

    private sealed class TypeOf : IFormatVisitor<Type>
    {
        public Type Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat => typeof(TFormat);
    }

    private sealed class NameOf : IFormatVisitor<string>
    {
        public string Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat => TFormat.Name;
    }

    private sealed class HasRoot : IFormatVisitor<bool>
    {
        public bool Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat =>
            TFormat.TryGetRoot(kind.InputBits, out int level, out _) && level > 0 && kind.OutputBits <= TFormat.MaxOutputBits;
    }
}
