namespace IommuKit.Specs.PageTables;

/// <summary>Finds the roots of formats.</summary>
public static class Roots
{
    /// <summary>The root that hardware with these widths walks.</summary>
    /// <param name="inputBits">Bits of an IOVA.</param>
    /// <param name="outputBits">Bits of a physical address.</param>
    /// <param name="level">The level of the root.</param>
    /// <param name="indexBits">Log2 of the entries in it.</param>
    /// <returns>False if the format has no root for that width.</returns>
    /// <typeparam name="TFormat">The format.</typeparam>
    public static bool TryFind<TFormat>(int inputBits, int outputBits, out int level, out int indexBits)
        where TFormat : struct, IPageTableFormat
    {
        if (!TFormat.TryGetRoot(inputBits, out level, out indexBits) || level < 1)
        {
            return false;
        }

        if (TFormat.HasLowerRoot(outputBits, level, indexBits))
        {
            level--;
            indexBits += TFormat.IndexBits(level);
        }

        return true;
    }

    /// <summary>The lowest level that covers every IOVA of that width.</summary>
    /// <param name="inputBits">Bits of an IOVA.</param>
    /// <param name="level">The level of the root.</param>
    /// <returns>False if not even a root of the top level covers them.</returns>
    /// <typeparam name="TFormat">The format.</typeparam>
    public static bool TryFindLevel<TFormat>(int inputBits, out int level)
        where TFormat : struct, IPageTableFormat
    {
        for (level = 0; level <= TFormat.TopLevel; level++)
        {
            if (inputBits > TFormat.EntryShift(0) && inputBits <= TFormat.EntryShift(level) + TFormat.IndexBits(level))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>As <see cref="TryFindLevel"/>, for formats whose root is a whole table whatever the width, and not below some level.</summary>
    /// <param name="inputBits">Bits of an IOVA.</param>
    /// <param name="lowest">The lowest level that hardware starts at.</param>
    /// <param name="level">The level of the root.</param>
    /// <param name="indexBits">Log2 of the entries in it.</param>
    /// <returns>False if not even a root of the top level covers the IOVAs.</returns>
    /// <typeparam name="TFormat">The format.</typeparam>
    public static bool TryFindWhole<TFormat>(int inputBits, int lowest, out int level, out int indexBits)
        where TFormat : struct, IPageTableFormat
    {
        bool exists = TryFindLevel<TFormat>(inputBits, out level);
        level = Math.Max(level, lowest);
        indexBits = TFormat.IndexBits(0);
        return exists;
    }
}
