using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Formats;

/// <summary>A page-table format that can be chosen by name.</summary>
public abstract class FormatKind
{
    private readonly Func<ulong, int, string>? _describeLeaf;
    private readonly Func<int, string?>? _nameLevel;

    private FormatKind(
        string name, string description, int inputBits, int outputBits, ulong pageSizes, Func<ulong, int, string>? describeLeaf,
        Func<int, string?>? nameLevel)
    {
        Name = name;
        Description = description;
        InputBits = inputBits;
        OutputBits = outputBits;
        PageSizes = pageSizes;
        _describeLeaf = describeLeaf;
        _nameLevel = nameLevel;
    }

    /// <summary>The name by which users select it.</summary>
    public string Name { get; }

    /// <summary>What it is, in one line.</summary>
    public string Description { get; }

    /// <summary>Bits of an IOVA, unless somebody asks for others.</summary>
    public int InputBits { get; }

    /// <summary>Bits of a physical address, unless somebody asks for others.</summary>
    public int OutputBits { get; }

    /// <summary>The page sizes of the format with addresses of <see cref="OutputBits"/>: bit n means pages of 2^n bytes.</summary>
    public ulong PageSizes { get; }

    /// <summary>Log2 of the bytes of an entry.</summary>
    internal abstract int EntrySizeLog2 { get; }

    /// <summary>Makes one of a format.</summary>
    /// <typeparam name="TFormat">The format; its name is that of the kind.</typeparam>
    /// <param name="inputBits">Bits of an IOVA, unless somebody asks for others.</param>
    /// <param name="outputBits">Bits of a physical address, unless somebody asks for others.</param>
    /// <param name="description">What it is, in one line.</param>
    /// <param name="describeLeaf">See <see cref="DescribeLeaf"/>; null if bits have no names.</param>
    /// <param name="nameLevel">See <see cref="NameLevel"/>; null if levels have no names.</param>
    public static FormatKind Of<TFormat>(
        int inputBits, int outputBits, string description, Func<ulong, int, string>? describeLeaf = null, Func<int, string?>? nameLevel = null)
        where TFormat : struct, IPageTableFormat =>
        new KindOf<TFormat>(inputBits, outputBits, description, describeLeaf, nameLevel);

    /// <summary>The bits of a leaf other than its address, by the names that its architecture gives them.</summary>
    /// <param name="entry">A leaf.</param>
    /// <param name="level">The level of the table that holds it.</param>
    public string DescribeLeaf(ulong entry, int level) => _describeLeaf?.Invoke(entry, level) ?? string.Empty;

    /// <summary>
    /// What the architecture calls a level, counted its own way: "Arm's level 0", "PML4". Null where it counts as we do, from the leaves.
    /// </summary>
    /// <param name="level">The level; 0 holds the smallest pages.</param>
    public string? NameLevel(int level) => _nameLevel?.Invoke(level);

    /// <summary>Runs code that is generic over the format.</summary>
    /// <param name="visitor">The code.</param>
    /// <typeparam name="TResult">What it returns.</typeparam>
    public abstract TResult Accept<TResult>(IFormatVisitor<TResult> visitor);

    private sealed class KindOf<TFormat>(
        int inputBits, int outputBits, string description, Func<ulong, int, string>? describeLeaf, Func<int, string?>? nameLevel) : FormatKind(
        TFormat.Name, description, inputBits, outputBits, TFormat.PageSizes & TFormat.PageSizeMask(outputBits), describeLeaf, nameLevel)
        where TFormat : struct, IPageTableFormat
    {
        internal override int EntrySizeLog2 => TFormat.EntrySizeLog2;

        public override TResult Accept<TResult>(IFormatVisitor<TResult> visitor)
        {
            ArgumentNullException.ThrowIfNull(visitor);
            return visitor.Visit<TFormat>(this);
        }
    }
}
