using System.Globalization;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker;

/// <summary>
/// What happened to the entries that translate one page: what was stored in the last operation that stored any, and what was flushed since.
/// </summary>
/// <param name="violation">What is wrong.</param>
internal sealed class EntryHistory(Violation violation) : ICheckerLog
{
    private const int LineBytes = 64;

    private readonly List<string> _lines = [];
    private readonly List<ulong> _entries = [];
    private readonly HashSet<ulong> _unclean = [];
    private readonly List<ulong> _roots = [];
    private FlushChecker? _checker;
    private string? _operation;
    private bool _hasBegun;
    private ulong _last;
    private ulong? _root;
    private ulong? _route;
    private bool _isRouteOwed;
    private bool _isInOperation;
    private bool _isStoring;

    /// <summary>Whether the page's translations were dropped since the last store, in any address space.</summary>
    public bool WasTranslationDropped { get; private set; }

    /// <summary>Whether they were dropped in the address space of the device.</summary>
    public bool WasTranslationDroppedRightly { get; private set; }

    /// <summary>Whether pointers to the tables of the page were dropped in the address space of the device.</summary>
    public bool WasWalkCacheDropped { get; private set; }

    /// <summary>
    /// Whether the entry of a device led to another table under the address space of the device, since the translations of the page were last dropped there.
    /// </summary>
    public bool WasRootReplaced { get; private set; }

    /// <summary>
    /// Whether an operation had the address space of the device led to another table and back, with nothing between that has hardware forget the entry: for
    /// a while it was a mixture of an old and a new one.
    /// </summary>
    public bool WasEntryTorn { get; private set; }

    /// <summary>Whether what hardware remembers of another entry, or of this one in another address space, was dropped when this one changed.</summary>
    public bool WasRouteDroppedElsewhere { get; private set; }

    /// <summary>Whether translations of the address space were dropped since the last store, and none of them was the page's.</summary>
    public bool WereOthersDropped { get; private set; }

    /// <summary>Whether another device was told to drop the page, or this one under another PASID, in the operation that stored last.</summary>
    public bool WasOtherDeviceTold { get; private set; }

    /// <summary>Whether the device was told to drop its translation of the page.</summary>
    public bool WasDeviceTlbDropped { get; private set; }

    /// <summary>Whether the table cache was told to drop the line of the last entry stored.</summary>
    public bool WasTableCacheDropped { get; private set; }

    /// <summary>Whether it was told to drop a line that differs from that one only in the upper half of the address.</summary>
    public bool WasOtherHalfDropped { get; private set; }

    /// <summary>Whether the lines of all entries that were stored were cleaned since.</summary>
    public bool WasCleaned => _unclean.Count == 0;

    /// <summary>What happened, a line each.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>The entries that were stored.</summary>
    public IReadOnlyList<ulong> Entries => _entries;

    /// <summary>Runs a failing scenario again and takes notes.</summary>
    public static EntryHistory Of(CheckCase failing, Violation violation)
    {
        var history = new EntryHistory(violation);
        failing.Run(history);
        return history;
    }

    public void Watching(FlushChecker checker) => _checker = checker;

    public void Began(string operation)
    {
        _operation = operation;
        _hasBegun = true;
        _isStoring = false;
        _isInOperation = true;

        // What an operation did not drop is missing, whatever later ones drop.
        _isRouteOwed = false;
        if (_roots.Count > 1)
        {
            _roots.RemoveRange(0, _roots.Count - 1);
        }
    }

    public void Stored(long number, ulong address, ulong before, ulong after)
    {
        if (_checker is not { Violation: null } checker || !checker.Translates(address, violation.Page))
        {
            return;
        }

        if (_hasBegun)
        {
            _lines.Clear();
            _entries.Clear();
            _hasBegun = false;
        }

        NoteOperation();
        _last = address;
        if (!_entries.Contains(address))
        {
            _entries.Add(address);
        }

        WasTranslationDropped = false;
        WasTranslationDroppedRightly = false;
        WasWalkCacheDropped = false;
        WasDeviceTlbDropped = false;
        WasOtherDeviceTold = false;
        WereOthersDropped = false;
        _isStoring = true;
        WasTableCacheDropped = false;
        WasOtherHalfDropped = false;
        _unclean.Add(address);
        Add(number, $"store: entry at 0x{address:x} becomes 0x{after:x}, was 0x{before:x}");
    }

    public void StructureStored(long number, ulong address, ulong before, ulong after, ReadOnlySpan<ShadowCommand> commands)
    {
        if (number > violation.Step)
        {
            return;
        }

        foreach (ref readonly var command in commands)
        {
            if (command.Kind == ShadowCommandKind.StoreRoot && command.Subject == violation.Space)
            {
                WasRootReplaced |= _root is { } root && root != command.First;
                _root = command.First;
                WasEntryTorn |= _roots.Contains(command.First) && command.First != _roots[^1];
                _roots.Add(command.First);
                Add(number, $"store: address space {command.Subject} has its table at 0x{command.First:x}");
            }
            else if (command.Kind == ShadowCommandKind.StoreRoute && command.Subject == violation.Device)
            {
                // Where it led is to be forgotten before it leads anywhere else.
                _isRouteOwed = _isInOperation && _route == (ulong)violation.Space && command.First != _route;
                _route = command.First;
            }
        }

        if (violation.Source is StaleSource.Route or StaleSource.RouteCache && _checker is { Violation: null })
        {
            Add(number, $"store: word of a structure at 0x{address:x} becomes 0x{after:x}, was 0x{before:x}");
        }
    }

    public void Accessed(long number, in MaintenanceStep access, ReadOnlySpan<ShadowCommand> commands)
    {
        if (number > violation.Step)
        {
            return;
        }

        NoteRoots(commands);
        if (_entries.Count == 0)
        {
            return;
        }

        switch (access.Kind)
        {
            case MaintenanceKind.Clean when _entries.Exists(Around(access.Address, access.Value)):
                _unclean.RemoveWhere(Around(access.Address, access.Value));
                Add(number, $"clean: 0x{access.Address:x}, {access.Value} bytes");
                break;
            case MaintenanceKind.Barrier:
                AddBehind("clean", number, "barrier: what was cleaned is in memory");
                break;
            default:
                foreach (ref readonly var command in commands)
                {
                    NoteCommand(number, access, command);
                }

                break;
        }
    }

    private static Predicate<ulong> Around(ulong address, ulong bytes)
    {
        ulong mask = LineBytes - 1;
        ulong first = address & ~mask;
        ulong last = (address + (bytes - 1)) | mask;
        return entry => entry >= first && entry <= last;
    }

    /// <summary>An address space that is dropped may have any table next.</summary>
    private void NoteRoots(ReadOnlySpan<ShadowCommand> commands)
    {
        foreach (ref readonly var command in commands)
        {
            if (command.Kind == ShadowCommandKind.DropTranslationsAndTables && command.Concerns(violation.Space) && command.Covers(violation.Iova))
            {
                _root = null;
                WasRootReplaced = false;
            }
            else if (command.Kind == ShadowCommandKind.DropRoutes)
            {
                bool isOfEntry = command.Concerns(violation.Device)
                    && command.First <= (ulong)violation.Space && (ulong)violation.Space <= command.Last;
                WasRouteDroppedElsewhere = !isOfEntry && (_isRouteOwed || WasRouteDroppedElsewhere);
                WasEntryTorn &= !isOfEntry;
                _isRouteOwed &= !isOfEntry;
            }
        }
    }

    private void NoteCommand(long number, in MaintenanceStep access, in ShadowCommand command)
    {
        if (command.Kind == ShadowCommandKind.Complete && access.Kind != MaintenanceKind.Invalidate)
        {
            AddBehind("drop", number, access.Kind == MaintenanceKind.RegisterRead
                ? "read-back: register writes before it have taken effect"
                : "completion: commands before it have taken effect");
            return;
        }

        if (command.Kind == ShadowCommandKind.DropTableCache)
        {
            var drop = command;
            bool isOtherHalf = (uint)drop.First <= (uint)_last && (uint)_last <= (uint)drop.Last && !drop.Covers(_last);
            WasTableCacheDropped |= drop.Covers(_last);
            WasOtherHalfDropped |= isOtherHalf;
            if (isOtherHalf || _entries.Exists(entry => drop.Covers(entry)))
            {
                string what = drop.Last == ulong.MaxValue ? "everything" : $"0x{drop.First:x} to 0x{drop.Last:x}";
                Add(number, $"table cache: drops {what}");
            }
        }
        else if (command.Kind == ShadowCommandKind.DropDeviceTranslations)
        {
            if (command.Covers(violation.Iova) && command.Concerns(violation.Device))
            {
                WasDeviceTlbDropped = true;
                Add(number, $"device TLB: drops 0x{command.First:x} to 0x{command.Last:x}");
            }
            else if (command.Covers(violation.Iova) && _isStoring)
            {
                WasOtherDeviceTold = true;
                Add(number, $"device TLB of another device or PASID: drops 0x{command.First:x} to 0x{command.Last:x}");
            }
        }
        else if (command.IsDrop && command.Covers(violation.Iova))
        {
            WereOthersDropped = false;
            WasTranslationDropped = true;
            WasTranslationDroppedRightly |= command.Concerns(violation.Space);
            WasWalkCacheDropped |= command.Kind == ShadowCommandKind.DropTranslationsAndTables && command.Concerns(violation.Space);
            string what = command.Kind == ShadowCommandKind.DropTranslationsAndTables ? "TLB and walk cache: drop" : "TLB: drops";
            string space = command.Subject == ShadowCommand.Every ? "all address spaces" : $"address space {command.Subject}";
            Add(number, $"{what} 0x{command.First:x} to 0x{command.Last:x} of {space}");
        }
        else if (command.IsDrop && command.Concerns(violation.Space) && _isStoring)
        {
            WereOthersDropped = !WasTranslationDropped;
        }
    }

    private void NoteOperation()
    {
        if (_operation is not null)
        {
            _lines.Add($"        {_operation}");
            _operation = null;
        }
    }

    /// <summary>Notes a wait, if there is something before it that it is for.</summary>
    private void AddBehind(string what, long number, string text)
    {
        if (_lines[^1].Contains(what, StringComparison.Ordinal))
        {
            Add(number, text);
        }
    }

    private void Add(long number, string text)
    {
        NoteOperation();
        _lines.Add(string.Create(CultureInfo.InvariantCulture, $"{number,6}  {text}"));
    }
}
