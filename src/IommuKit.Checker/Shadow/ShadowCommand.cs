namespace IommuKit.Checker.Shadow;

/// <summary>What an access to the hardware does, in terms of what the hardware holds.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Subject">The address space, or for what is of a device the device; <see cref="Every"/> for all.</param>
/// <param name="First">First physical address or IOVA; the root; or the address space that a device gets.</param>
/// <param name="Last">Last physical address or IOVA.</param>
public readonly record struct ShadowCommand(ShadowCommandKind Kind, int Subject, ulong First, ulong Last)
{
    /// <summary>Every address space.</summary>
    public const int Every = -1;

    /// <summary>No root, and no address space.</summary>
    public const ulong Nothing = ulong.MaxValue;

    /// <summary>Whether it drops something.</summary>
    public bool IsDrop =>
        Kind is ShadowCommandKind.DropTableCache or ShadowCommandKind.DropTranslations or ShadowCommandKind.DropTranslationsAndTables;

    /// <summary>Whether it concerns an address space.</summary>
    public bool Concerns(int space) => Subject == Every || Subject == space;

    /// <summary>Whether it concerns an address.</summary>
    public bool Covers(ulong address) => address >= First && address <= Last;
}
