namespace IommuKit.Lab.Formats;

/// <summary>A page-table format that can be chosen by name.</summary>
public abstract class FormatKind
{
    private readonly Func<ulong, int, string> _describeLeaf;
    private readonly Func<int, string?> _nameLevel;

    private protected FormatKind(
        string name, string description, int inputBits, int outputBits, ulong pageSizes, Func<ulong, int, string> describeLeaf,
        Func<int, string?> nameLevel)
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

    /// <summary>The bits of a leaf other than its address, by the names that its architecture gives them.</summary>
    /// <param name="entry">A leaf.</param>
    /// <param name="level">The level of the table that holds it.</param>
    public string DescribeLeaf(ulong entry, int level) => _describeLeaf(entry, level);

    /// <summary>
    /// What the architecture calls a level, counted its own way: "Arm's level 0", "PML4". Null where it counts as we do, from the leaves.
    /// </summary>
    /// <param name="level">The level; 0 holds the smallest pages.</param>
    public string? NameLevel(int level) => _nameLevel(level);

    /// <summary>Runs code that is generic over the format.</summary>
    /// <param name="visitor">The code.</param>
    /// <typeparam name="TResult">What it returns.</typeparam>
    public abstract TResult Accept<TResult>(IFormatVisitor<TResult> visitor);
}
