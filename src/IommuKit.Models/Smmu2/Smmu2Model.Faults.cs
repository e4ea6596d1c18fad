using IommuKit.Models.Dma;
using IommuKit.Models.Interrupts;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>Records of faults, stalls, and the interrupts that tell of them.</content>
public sealed partial class Smmu2Model<TMemory>
{
    // One for each bank, and the last for global faults. A line is raised while there is something to tell.
    private readonly InterruptLine[] _lines;
    private readonly Action<bool>[] _listeners;
    private bool _isDue;

    // Banks with a fault that concerns other transactions: while there are any, nothing goes the short way.
    private int _holdCount;

    private uint _globalStatus;
    private ulong _globalAddress;
    private uint _globalSyndrome0;
    private uint _globalSyndrome1;

    private Action<bool> MakeListener(int line)
    {
        int bank = line == _unit.BankCount ? Smmu2Interrupt.Global : line;
        return isRaised => InterruptChanged?.Invoke(new Smmu2Interrupt(bank, isRaised));
    }

    private static uint KindOf(Smmu2Access access, uint write, uint privileged, uint instruction) =>
        ((access & Smmu2Access.Write) != 0 ? write : 0)
        | ((access & Smmu2Access.Privileged) != 0 ? privileged : 0)
        | ((access & Smmu2Access.Execute) != 0 ? instruction : 0);

    /// <summary>A fault of a stream that no bank translates.</summary>
    private Smmu2Translation RecordGlobal(uint fault, bool isNested, in Smmu2Request request)
    {
        uint syndrome = (isNested ? Smmu2Global.Syndrome.Nested : 0)
            | KindOf(request.Access, Smmu2Global.Syndrome.Write, Smmu2Global.Syndrome.Privileged, Smmu2Global.Syndrome.Instruction);
        RecordGlobal(fault, syndrome, request.Address, request.StreamId);
        return (_control & Smmu2Global.Control.FaultAborts) != 0 ? Aborted : new Smmu2Translation(Smmu2Outcome.Ignored, Translation.Fault);
    }

    private void RecordGlobal(uint fault, uint syndrome, ulong address, uint stream)
    {
        if (_globalStatus != 0)
        {
            _globalStatus |= Smmu2Global.Faults.Multiple;
        }
        else
        {
            _globalStatus = fault;
            _globalAddress = address;
            _globalSyndrome0 = Smmu2Global.Syndrome.NonSecure | Smmu2Global.Syndrome.NonSecureAccess | syndrome;
            _globalSyndrome1 = stream & 0xffff;
        }

        UpdateGlobalLine();
    }

    private bool AreStallsForbidden => (_control & Smmu2Global.Control.StallDisable) != 0;

    /// <summary>Ends a transaction that a bank cannot translate, or lets it stall (IHI 0062, section 3.7.3).</summary>
    private Smmu2Translation Stop(Smmu2Path path, in Smmu2Request request, Smmu2Access access, in Smmu2Fault fault)
    {
        int index = fault.IsSecond ? path.SecondBank : path.Bank;
        var bank = _banks[index];
        if (bank.IsStalled)
        {
            // It waits, and is asked again when the other has gone on: nothing is told of it.
            return new Smmu2Translation(Smmu2Outcome.Retry, Translation.Fault);
        }

        bool stalls = !bank.HasFault && (bank.SystemControl & Smmu2Bank.Control.FaultStalls) != 0 && !AreStallsForbidden;
        Record(path, request.Address, access, fault);
        bank.FaultStream = (bank.FaultStatus & Smmu2Bank.Faults.Multiple) == 0 ? request.StreamId & 0xffff : bank.FaultStream;
        if (!stalls)
        {
            return EndedBy(bank);
        }

        bank.FaultStatus |= Smmu2Bank.Faults.Stalled;
        (bank.StalledStream, bank.StalledAddress, bank.StalledAccess) = (request.StreamId, request.Address, (int)request.Access);
        UpdateLine(index);
        return new Smmu2Translation(Smmu2Outcome.Stalled, Translation.Fault, index);
    }

    private static Smmu2Translation EndedBy(Smmu2BankState bank) =>
        (bank.SystemControl & Smmu2Bank.Control.FaultAborts) != 0 ? Aborted : new Smmu2Translation(Smmu2Outcome.Ignored, Translation.Fault);

    /// <summary>Records a fault in the bank of its stage. Of one that follows another, nothing but that is told.</summary>
    private void Record(Smmu2Path path, ulong address, Smmu2Access access, in Smmu2Fault fault, uint more = 0)
    {
        int index = fault.IsSecond ? path.SecondBank : path.Bank;
        var bank = _banks[index];
        if (bank.HasFault)
        {
            bank.FaultStatus |= Smmu2Bank.Faults.Multiple;
            UpdateLine(index);
            return;
        }

        bank.FaultStatus = fault.Status;
        bank.FaultAddress = address;
        bank.FaultIpa = fault.IsSecond ? fault.Ipa : bank.FaultIpa;

        // Of an atomic operation the half is told that is missing; both, or another fault, are told as the read.
        bool isWrite = (access & Smmu2Access.Write) != 0 && ((access & Smmu2Access.Read) == 0 || fault.IsReadAllowed);
        access = isWrite ? access : access & ~Smmu2Access.Write;
        const uint unsafeAccess = Smmu2Bank.Syndrome.NonSecure | Smmu2Bank.Syndrome.NonSecureAccess;
        bank.Syndrome0 = ((uint)fault.Level & Smmu2Bank.Syndrome.LevelMask)
            | more
            | (fault.IsSecond ? unsafeAccess : 0)
            | (fault.Status == Smmu2Bank.Faults.External ? Smmu2Bank.Syndrome.Walk : 0)
            | (fault.IsSecond && fault.IsWalk ? Smmu2Bank.Syndrome.FirstWalk : 0)
            | KindOf(access, Smmu2Bank.Syndrome.Write, Smmu2Bank.Syndrome.Privileged, Smmu2Bank.Syndrome.Instruction)
            | (fault.IsSecond && path.IsNested ? Smmu2Bank.Syndrome.Nested | ((uint)path.Bank << Smmu2Bank.Syndrome.FirstBankShift) : 0);
        UpdateLine(index);
    }

    /// <summary>
    /// Whether a transaction ends, or waits, as another one has faulted in one of its banks, even if it would not fault itself.
    /// </summary>
    private bool IsHeld(Smmu2Path path, out Smmu2Translation answer)
    {
        bool isAnyStalled = (_control & Smmu2Global.Control.GlobalStall) != 0
            && !AreStallsForbidden
            && Array.Exists(_banks, bank => bank.IsStalled);
        var holder = _banks[path.Bank].HoldsOthers ? _banks[path.Bank]
            : path.SecondBank >= 0 && _banks[path.SecondBank].HoldsOthers ? _banks[path.SecondBank]
            : null;
        answer = isAnyStalled || holder is { IsStalled: true } ? new Smmu2Translation(Smmu2Outcome.Retry, Translation.Fault)
            : holder is not null ? EndedBy(holder)
            : default;
        return isAnyStalled || holder is not null;
    }

    /// <summary>RESUME. Without a stall nothing comes of it.</summary>
    private void Resume(int index, uint value, out Smmu2StallEnd? end)
    {
        var bank = _banks[index];
        end = null;
        if (bank.IsStalled)
        {
            bank.FaultStatus &= ~Smmu2Bank.Faults.Stalled;
            UpdateLine(index);
            bool isAborted = (bank.SystemControl & Smmu2Bank.Control.FaultAborts) != 0;
            var outcome = (value & 1) == 0 ? Smmu2Outcome.Retry : isAborted ? Smmu2Outcome.Abort : Smmu2Outcome.Ignored;
            end = new Smmu2StallEnd(index, bank.Stalled, outcome);
        }
    }

    /// <summary>FSR or SCTLR of a bank has changed: so may its interrupt, and whether others have to look at it.</summary>
    private void UpdateLine(int index)
    {
        var bank = _banks[index];
        bool isHolding = bank.IsStalled || bank.HoldsOthers;
        if (isHolding != bank.IsHolding)
        {
            bank.IsHolding = isHolding;
            Volatile.Write(ref _holdCount, _holdCount + (isHolding ? 1 : -1));
        }

        SetLine(index, bank.IsRaised);
    }

    private void UpdateGlobalLine()
    {
        bool isConfiguration = (_globalStatus & Smmu2Global.Faults.ConfigurationAccess) != 0;
        bool isOther = (_globalStatus & ~Smmu2Global.Faults.ConfigurationAccess) != 0;
        SetLine(
            _unit.BankCount,
            (isConfiguration && (_control & Smmu2Global.Control.ConfigurationFaultInterrupt) != 0)
            || (isOther && (_control & Smmu2Global.Control.FaultInterrupt) != 0));
    }

    private void SetLine(int line, bool isRaised)
    {
        if (_lines[line].IsRaised != isRaised)
        {
            _lines[line].Set(isRaised);
            Volatile.Write(ref _isDue, true);
        }
    }

    private void TellIfDue()
    {
        if (Volatile.Read(ref _isDue))
        {
            Accesses.WhenEnded(_tell);
        }
    }

    private void Tell()
    {
        Volatile.Write(ref _isDue, false);
        bool isDone = false;
        try
        {
            for (int line = 0; line < _lines.Length; line++)
            {
                _lines[line].Tell(_listeners[line]);
            }

            isDone = true;
        }
        finally
        {
            if (!isDone)
            {
                // A listener threw; the lines after it are told of the next time.
                Volatile.Write(ref _isDue, true);
            }
        }
    }
}
