using System.Runtime.InteropServices;

namespace IommuKit.Checker.Shadow;

/// <summary>What an access to the hardware does, in the order in which it does it.</summary>
public sealed class ShadowCommands
{
    private readonly List<ShadowCommand> _commands = [];

    /// <summary>All of it.</summary>
    public ReadOnlySpan<ShadowCommand> All => CollectionsMarshal.AsSpan(_commands);

    /// <summary>Adds a command.</summary>
    public void Add(in ShadowCommand command) => _commands.Add(command);

    /// <summary>Lines of the table cache go.</summary>
    /// <param name="first">First physical address.</param>
    /// <param name="last">Last physical address.</param>
    public void DropTableCache(ulong first, ulong last) =>
        Add(new(ShadowCommandKind.DropTableCache, ShadowCommand.Every, first, last));

    /// <summary>Translations of a range go, and pointers to tables if these go too.</summary>
    /// <param name="space">The address space, or <see cref="ShadowCommand.Every"/>.</param>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <param name="withTables">Whether pointers to tables go too.</param>
    public void DropTranslations(int space, ulong first, ulong last, bool withTables = false) => Add(new(
        withTables ? ShadowCommandKind.DropTranslationsAndTables : ShadowCommandKind.DropTranslations, space, first, last));

    /// <summary>Translations of a range that a device keeps go.</summary>
    /// <param name="device">The device, or <see cref="ShadowCommand.Every"/>.</param>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    public void DropDeviceTranslations(int device, ulong first, ulong last) =>
        Add(new(ShadowCommandKind.DropDeviceTranslations, device, first, last));

    /// <summary>An address space gets a root, or none.</summary>
    /// <param name="space">The address space.</param>
    /// <param name="root">The physical address of its root table; null for none.</param>
    public void SetRoot(int space, ulong? root) => Add(new(ShadowCommandKind.SetRoot, space, root ?? ShadowCommand.Nothing, 0));

    /// <summary>A register gives a device an address space, or none.</summary>
    /// <param name="device">The device.</param>
    /// <param name="space">The address space; null for none.</param>
    public void SetRoute(int device, int? space) => Add(Route(ShadowCommandKind.SetRoute, device, space));

    /// <summary>
    /// An entry in memory gives a device an address space, or none: hardware may go on with the old one until it is told to drop that.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="space">The address space; null for none.</param>
    public void StoreRoute(int device, int? space) => Add(Route(ShadowCommandKind.StoreRoute, device, space));

    /// <summary>
    /// An entry in memory gives an address space its root: hardware may go on with the one before, as long as it remembers the entry for some device.
    /// </summary>
    /// <param name="space">The address space.</param>
    /// <param name="root">The physical address of its root table.</param>
    public void StoreRoot(int space, ulong root) => Add(new(ShadowCommandKind.StoreRoot, space, root, 0));

    /// <summary>What hardware remembers of entries in memory that give devices their address spaces goes.</summary>
    /// <param name="device">The device, or <see cref="ShadowCommand.Every"/>.</param>
    public void DropRoutes(int device) => Add(new(ShadowCommandKind.DropRoutes, device, 0, ShadowCommand.Nothing));

    /// <summary>As <see cref="DropRoutes(int)"/>, if what is remembered is one address space, or none.</summary>
    /// <param name="device">The device, or <see cref="ShadowCommand.Every"/>.</param>
    /// <param name="space">The address space; null for none.</param>
    public void DropRoutes(int device, int? space)
    {
        ulong one = (ulong)(space ?? ShadowState.MaxSpaces);
        Add(new(ShadowCommandKind.DropRoutes, device, one, one));
    }

    /// <summary>All that was told before has taken effect.</summary>
    public void Complete() => Add(new(ShadowCommandKind.Complete, ShadowCommand.Every, 0, 0));

    /// <summary>Makes it empty.</summary>
    public void Clear() => _commands.Clear();

    private static ShadowCommand Route(ShadowCommandKind kind, int device, int? space) =>
        new(kind, device, space is { } number ? (ulong)number : ShadowCommand.Nothing, 0);
}
