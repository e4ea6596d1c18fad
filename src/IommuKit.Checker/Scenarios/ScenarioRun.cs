using System.Numerics;
using IommuKit.Checker.Rigs;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Scenarios;

/// <summary>
/// Does operations on the domains of a machine and tells its checker what each promises: the API's promises are written
/// down here, and nowhere else in the checker.
/// </summary>
/// <param name="machine">The machine, new.</param>
/// <param name="configuration">What is checked.</param>
public sealed class ScenarioRun(CheckRig machine, CheckConfiguration configuration)
{
    private const Protection Rights = Protection.Read | Protection.Write;

    private readonly bool[] _isAttached = new bool[machine.Domains.Count];
    private readonly MappedRanges[] _mapped = [.. machine.Domains.Select(_ => new MappedRanges())];
    private int _interruptAt = -1;
    private CheckOperation _interrupting;
    private SecondThread? _second;

    // Where devices cannot be attached and detached, they always are attached.
    private bool CanAttach => configuration.Target.CanAttach;

    /// <summary>What is checked.</summary>
    public CheckConfiguration Configuration => configuration;

    /// <summary>The planted bug, if there is one.</summary>
    public Sabotage? Sabotage { get; set; }

    /// <summary>Told of a moment that is none of the driver's: see <see cref="Pause"/>.</summary>
    internal Action? Paused { get; set; }

    /// <summary>The operation that is under way, or the last.</summary>
    public CheckOperation Current { get; private set; }

    /// <summary>Operations begun so far.</summary>
    public int Started { get; private set; }

    /// <summary>Whether an operation is under way.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>Accesses to the hardware of the last operation, as far as <see cref="CountAccess"/> was told.</summary>
    public int LastAccesses { get; private set; }

    /// <summary>Attaches every device to its domain.</summary>
    public void Start()
    {
        for (int device = 0; device < _isAttached.Length; device++)
        {
            if (CanAttach)
            {
                Current = new CheckOperation(CheckOperationKind.Attach, device);
                IsBusy = true;
                machine.Attach(device);
                IsBusy = false;
            }

            _isAttached[device] = true;
            machine.Checker.Attached(device, device);
        }

        machine.Checker.Check();
    }

    /// <summary>Flushes every domain that owes something, so that all promises are due.</summary>
    public void Finish()
    {
        for (int domain = 0; domain < _isAttached.Length; domain++)
        {
            if (machine.Domains[domain].Policy is SyncPolicy.Deferred or SyncPolicy.Explicit)
            {
                Do(new CheckOperation(CheckOperationKind.Flush, domain));
            }
        }
    }

    /// <summary>Whether an operation makes sense now.</summary>
    public bool Applies(CheckOperationKind kind, int domain) => kind switch
    {
        CheckOperationKind.Attach or CheckOperationKind.Renew => CanAttach && !_isAttached[domain],
        CheckOperationKind.Detach => CanAttach && _isAttached[domain],
        _ => true,
    };

    /// <summary>Does an operation, and checks what it promises when it returns.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="interrupting">One that another thread does in the middle of it, or null.</param>
    /// <param name="access">Before which access to the hardware; needs <see cref="CountAccess"/>.</param>
    public void Do(in CheckOperation operation, CheckOperation? interrupting = null, int access = 0)
    {
        Current = operation;
        Started++;
        LastAccesses = 0;
        _interruptAt = interrupting is null ? -1 : access;
        _interrupting = interrupting ?? default;
        machine.Checker.Log?.Began(operation.ToString());
        Sabotage?.Before();
        IsBusy = true;
        Perform(operation);
        _second?.Finish();
        _second = null;
        IsBusy = false;
        _interruptAt = -1;
        machine.Checker.Check();
        Sabotage?.After();
    }

    /// <summary>
    /// A planted bug has done something that the driver did not, and gives hardware and devices a moment, as they have before each access of the driver.
    /// </summary>
    public void Pause() => Paused?.Invoke();

    /// <summary>An operation is about to access the hardware.</summary>
    public void CountAccess()
    {
        if (_second is not null)
        {
            return;
        }

        if (LastAccesses++ == _interruptAt && IsBusy && Applies(_interrupting.Kind, _interrupting.Domain))
        {
            Started++;
            _second = SecondThread.Mine;
            _second.Interrupt(() => Perform(_interrupting));
        }
    }

    private void Perform(in CheckOperation operation)
    {
        var domain = machine.Domains[operation.Domain];
        switch (operation.Kind)
        {
            case CheckOperationKind.Map:
            case CheckOperationKind.Scatter:
                Map(domain, operation);
                break;
            case CheckOperationKind.Unmap:
                Unmap(domain, operation);
                break;
            case CheckOperationKind.Flush when operation.Size != 0:
                domain.Flush(operation.Iova, operation.Size);
                machine.Checker.Promise(operation.Domain, operation.Iova, operation.Size);
                break;
            case CheckOperationKind.Flush:
                domain.Flush();
                PromiseAll(operation.Domain);
                break;
            case CheckOperationKind.Attach:
                machine.Attach(operation.Domain);
                _isAttached[operation.Domain] = true;
                machine.Checker.Attached(operation.Domain, operation.Domain);
                break;
            case CheckOperationKind.Detach:
                machine.Checker.Detached(operation.Domain);
                _isAttached[operation.Domain] = false;
                machine.Detach(operation.Domain);

                // A detach flushes first.
                PromiseAll(operation.Domain);
                break;
            case CheckOperationKind.Renew:
                machine.Renew(operation.Domain);
                Note(operation.Domain, mapped => mapped.Remove(0, ulong.MaxValue));
                machine.Checker.Permit(operation.Domain, 0, ulong.MaxValue, null, Protection.None);
                machine.Checker.Intend(operation.Domain, 0, ulong.MaxValue, null, Protection.None);
                PromiseAll(operation.Domain);
                break;
        }

        // On a second thread: what it promises must hold now, not only when the first is done.
        machine.Checker.Check();
    }

    private void Map(IommuDomain domain, in CheckOperation map)
    {
        var checker = machine.Checker;
        (ulong Iova, PhysicalRange Range)[] pieces = [.. map.Pieces(domain.Granule, configuration.Target.Layout.Table.Size)];
        foreach (var (iova, range) in pieces)
        {
            checker.Permit(map.Domain, iova, range.Length, range.Address, Rights);
        }

        var error = map.Kind == CheckOperationKind.Map
            ? domain.TryMap(map.Iova, pieces[0].Range.Address, map.Size, Rights)
            : domain.TryMapScatterGather(map.Iova, [.. pieces.Select(piece => piece.Range)], Rights, out _);
        if (error != IommuError.None)
        {
            // It changed nothing.
            foreach (var (iova, range) in pieces)
            {
                checker.Withdraw(map.Domain, iova, range.Length, range.Address, Rights);
            }

            return;
        }

        Note(map.Domain, mapped => mapped.Add(pieces[0].Iova, pieces[^1].Iova + (pieces[^1].Range.Length - 1)));
        foreach (var (iova, range) in pieces)
        {
            checker.Intend(map.Domain, iova, range.Length, range.Address, Rights);
        }

        if (domain.Policy == SyncPolicy.Explicit)
        {
            // The caller has to flush before the device may rely on it; but what was there before is gone.
            checker.Forbid(map.Domain, map.Iova, map.Size);
        }
        else
        {
            checker.Promise(map.Domain, map.Iova, map.Size);
        }
    }

    private void Unmap(IommuDomain domain, in CheckOperation unmap)
    {
        var checker = machine.Checker;
        checker.Permit(unmap.Domain, unmap.Iova, unmap.Size, null, Protection.None);
        var (least, most) = WhatMayGo(domain, unmap);
        _ = domain.TryUnmap(unmap.Iova, unmap.Size, out ulong unmapped);

        // What it says counts only as far as it can be right.
        ulong gone = Math.Clamp(unmapped, least, most);
        if (gone != 0)
        {
            ulong first = unmap.Iova;
            Note(unmap.Domain, mapped => mapped.Remove(first, first + (gone - 1)));
            checker.Intend(unmap.Domain, unmap.Iova, gone, null, Protection.None);
        }

        if (domain.Policy is not (SyncPolicy.Deferred or SyncPolicy.Explicit))
        {
            checker.Promise(unmap.Domain, unmap.Iova, unmap.Size);
        }
    }

    /// <summary>
    /// The fewest and the most bytes that an unmap can take away: up to the first hole at least; all of the range at most, where no page is larger
    /// than what is left of it.
    /// </summary>
    private (ulong Least, ulong Most) WhatMayGo(IommuDomain domain, in CheckOperation unmap)
    {
        ulong first = unmap.Iova;
        ulong last = unmap.LastIova;
        bool isWhole = last - first == unmap.Size - 1;
        bool isInside = last <= domain.ApertureEnd || first >= ~domain.ApertureEnd;
        if (!isWhole || !isInside)
        {
            return (0, 0);
        }

        ulong held = 0;
        Note(unmap.Domain, mapped => held = mapped.BytesFrom(first, last));
        ulong largest = 1ul << BitOperations.Log2(domain.PageSizes);
        return largest == domain.Granule ? (held, unmap.Size) : (0, (last | (largest - 1)) - first + 1);
    }

    private void Note(int domain, Action<MappedRanges> change)
    {
        // Two operations may be under way.
        var mapped = _mapped[domain];
        lock (mapped)
        {
            change(mapped);
        }
    }

    private void PromiseAll(int domain) => machine.Checker.Promise(domain, 0, ulong.MaxValue);
}
