namespace IommuKit.Checker.Shadow;

/// <summary>An answer that a device may get and must not.</summary>
/// <param name="Step">How many accesses to the hardware had been seen.</param>
/// <param name="Device">The device.</param>
/// <param name="Domain">Its domain.</param>
/// <param name="Space">The address space that it uses; negative if it is not translated.</param>
/// <param name="Page">The page, by its place among those that are looked at.</param>
/// <param name="Iova">Its first IOVA.</param>
/// <param name="Answer">The translation that it may get, packed: the physical address and the rights; 0 for none.</param>
/// <param name="Promised">The translation that was promised, packed alike.</param>
/// <param name="Source">What answered.</param>
/// <param name="IsForeign">Whether the answer was never a translation of this page.</param>
/// <param name="IsPosted">Whether all would be well if the register writes under way had taken effect.</param>
public sealed record Violation(
    long Step,
    int Device,
    int Domain,
    int Space,
    int Page,
    ulong Iova,
    ulong Answer,
    ulong Promised,
    StaleSource Source,
    bool IsForeign,
    bool IsPosted);
