using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Dump;

/// <summary>An entry of a table of others that ends in a fault though it is not vacant.</summary>
/// <param name="Iova">The first IOVA that it is for.</param>
/// <param name="Level">The level of its table.</param>
/// <param name="EntryAddress">Where it is.</param>
/// <param name="Value">The entry.</param>
/// <param name="End">What is wrong.</param>
internal sealed record DumpProblem(ulong Iova, int Level, ulong EntryAddress, ulong Value, WalkEnd End)
{
    /// <summary>What is wrong, in words.</summary>
    public string Meaning => Explain(End);

    /// <summary>What is wrong where a walk ends so.</summary>
    public static string Explain(WalkEnd end) => end switch
    {
        WalkEnd.NotPresent => "nothing is mapped there",
        WalkEnd.SkippedBits => "a pointer leaves levels out whose bits are not 0",
        WalkEnd.Reserved => "a reserved encoding, or a reserved bit is set",
        WalkEnd.NotAccessed => "a page that was never used, which is a fault here",
        WalkEnd.AddressTooWide => "its address has more bits than there are physical ones",
        WalkEnd.NotReadable => "it points to a table that is in none of the files",
        _ => "it is not valid",
    };
}
