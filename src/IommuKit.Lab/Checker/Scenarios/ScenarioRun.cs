using IommuKit.Domains;
using IommuKit.Lab.Checker.Machines;
using IommuKit.Lab.Checker.Planted;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Checker.Scenarios;

/// <summary>
/// Does operations on the domains of a machine and tells its checker what each promises: the API's promises are written
/// down here, and nowhere else in the checker.
/// </summary>
/// <param name="machine">The machine, new.</param>
/// <param name="canAttach">Whether devices can be attached and detached; where not, they always are.</param>
public sealed class ScenarioRun(CheckedMachine machine, bool canAttach)
{
    private const Protection Rights = Protection.Read | Protection.Write;

    private readonly bool[] _isAttached = new bool[machine.Domains.Count];
    private int _interruptAt = -1;
    private CheckOperation _interrupting;
    private SecondThread? _second;

    /// <summary>The planted bug, if there is one.</summary>
    public Sabotage? Sabotage { get; set; }

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
            if (canAttach)
            {
                machine.Attach(device);
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
        CheckOperationKind.Attach => canAttach && !_isAttached[domain],
        CheckOperationKind.Detach => canAttach && _isAttached[domain],
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
        machine.Checker.Log?.Began(operation);
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
                Map(domain, operation);
                break;
            case CheckOperationKind.Unmap:
                Unmap(domain, operation);
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
        }

        // On a second thread: what it promises must hold now, not only when the first is done.
        machine.Checker.Check();
    }

    private void Map(IommuDomain domain, in CheckOperation map)
    {
        var checker = machine.Checker;
        checker.Permit(map.Domain, map.Iova, map.Size, map.PhysicalAddress, Rights);
        var error = domain.TryMap(map.Iova, map.PhysicalAddress, map.Size, Rights);
        if (error != IommuError.None)
        {
            // It changed nothing.
            checker.Withdraw(map.Domain, map.Iova, map.Size, map.PhysicalAddress, Rights);
            return;
        }

        checker.Intend(map.Domain, map.Iova, map.Size, map.PhysicalAddress, Rights);
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
        _ = domain.TryUnmap(unmap.Iova, unmap.Size, out ulong unmapped);
        if (unmapped != 0)
        {
            checker.Intend(unmap.Domain, unmap.Iova, unmapped, null, Protection.None);
        }

        if (domain.Policy is not (SyncPolicy.Deferred or SyncPolicy.Explicit))
        {
            checker.Promise(unmap.Domain, unmap.Iova, unmap.Size);
        }
    }

    private void PromiseAll(int domain) => machine.Checker.Promise(domain, 0, machine.Domains[domain].ApertureEnd);
}
