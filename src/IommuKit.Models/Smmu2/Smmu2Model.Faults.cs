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

    // Banks in which a transaction stalls: while there are any, nothing goes the short way.
    private int _stallCount;

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
    private Smmu2Translation RecordGlobal(uint fault, in Smmu2Request request)
    {
        bool isConfiguration = fault == Smmu2Global.Faults.NoSuchBank;
        if ((_globalStatus & ~Smmu2Global.Faults.Multiple) != 0)
        {
            _globalStatus |= Smmu2Global.Faults.Multiple;
        }
        else
        {
            _globalStatus |= fault;
            _globalAddress = request.Address;
            _globalSyndrome0 = Smmu2Global.Syndrome.NonSecure
                | Smmu2Global.Syndrome.NonSecureAccess
                | KindOf(
                    request.Access, Smmu2Global.Syndrome.Write, Smmu2Global.Syndrome.Privileged, Smmu2Global.Syndrome.Instruction);
            _globalSyndrome1 = request.StreamId & 0xffff;
        }

        UpdateGlobalLine();
        uint aborts = isConfiguration ? Smmu2Global.Control.ConfigurationFaultAborts : Smmu2Global.Control.FaultAborts;
        return (_control & aborts) != 0 ? Aborted : new Smmu2Translation(Smmu2Outcome.Ignored, Translation.Fault);
    }

    /// <summary>Ends a transaction that a bank cannot translate, or lets it stall.</summary>
    private Smmu2Translation Stop(Smmu2Path path, in Smmu2Request request, Smmu2Access access, in Smmu2Fault fault)
    {
        int index = fault.IsSecond ? path.SecondBank : path.Bank;
        var bank = _banks[index];
        bool isFirst = !bank.HasFault;
        Record(path, request, access, fault);
        bool stalls = (bank.SystemControl & Smmu2Bank.Control.FaultStalls) != 0 && (_control & Smmu2Global.Control.StallDisable) == 0;
        if (!stalls)
        {
            bool isAborted = (bank.SystemControl & Smmu2Bank.Control.FaultAborts) != 0;
            return new Smmu2Translation(isAborted ? Smmu2Outcome.Abort : Smmu2Outcome.Ignored, Translation.Fault);
        }

        if (!isFirst || bank.IsStalled)
        {
            return new Smmu2Translation(Smmu2Outcome.Retry, Translation.Fault);
        }

        bank.FaultStatus |= Smmu2Bank.Faults.Stalled;
        (bank.StalledStream, bank.StalledAddress, bank.StalledAccess) = (request.StreamId, request.Address, (int)request.Access);
        Volatile.Write(ref _stallCount, _stallCount + 1);
        return new Smmu2Translation(Smmu2Outcome.Stalled, Translation.Fault, index);
    }

    private void Record(Smmu2Path path, in Smmu2Request request, Smmu2Access access, in Smmu2Fault fault)
    {
        int index = fault.IsSecond ? path.SecondBank : path.Bank;
        var bank = _banks[index];
        if (bank.HasFault)
        {
            bank.FaultStatus |= Smmu2Bank.Faults.Multiple;
            return;
        }

        var format = fault.IsSecond ? path.Second.Format : path.Format;
        bank.FaultStatus |= fault.Status | ((uint)format << Smmu2Bank.Faults.FormatShift);
        bank.FaultAddress = request.Address;
        bank.FaultIpa = fault.IsSecond ? fault.Ipa : bank.FaultIpa;
        bank.FaultStream = request.StreamId & 0xffff;
        bank.Syndrome0 = ((uint)fault.Level & Smmu2Bank.Syndrome.LevelMask)
            | Smmu2Bank.Syndrome.NonSecure
            | Smmu2Bank.Syndrome.NonSecureAccess
            | (fault.IsWalk ? Smmu2Bank.Syndrome.Walk : 0)
            | KindOf(access, Smmu2Bank.Syndrome.Write, Smmu2Bank.Syndrome.Privileged, Smmu2Bank.Syndrome.Instruction)
            | (fault.IsSecond && path.SecondBank != path.Bank ? (uint)path.Bank << Smmu2Bank.Syndrome.FirstBankShift : 0);
        UpdateLine(index);
    }

    /// <summary>Whether a transaction has to wait for one that stalls.</summary>
    private bool IsBehindStall(Smmu2Path path)
    {
        if (_stallCount == 0)
        {
            return false;
        }

        return (_control & Smmu2Global.Control.GlobalStall) != 0
            || HoldsOthers(path.Bank)
            || (path.SecondBank >= 0 && HoldsOthers(path.SecondBank));
    }

    private bool HoldsOthers(int bank) =>
        _banks[bank].IsStalled && (_banks[bank].SystemControl & Smmu2Bank.Control.HitUnderFault) == 0;

    /// <summary>RESUME. Without a stall nothing comes of it.</summary>
    private void Resume(int index, uint value, out Smmu2StallEnd? end)
    {
        var bank = _banks[index];
        end = null;
        if (bank.IsStalled)
        {
            bank.FaultStatus &= ~Smmu2Bank.Faults.Stalled;
            Volatile.Write(ref _stallCount, _stallCount - 1);
            bool isAborted = (bank.SystemControl & Smmu2Bank.Control.FaultAborts) != 0;
            var outcome = (value & 1) == 0 ? Smmu2Outcome.Retry : isAborted ? Smmu2Outcome.Abort : Smmu2Outcome.Ignored;
            end = new Smmu2StallEnd(index, bank.Stalled, outcome);
        }
    }

    private void UpdateLine(int index)
    {
        var bank = _banks[index];
        SetLine(index, bank.HasFault && (bank.SystemControl & Smmu2Bank.Control.FaultInterrupt) != 0);
    }

    private void UpdateGlobalLine()
    {
        bool isConfiguration = (_globalStatus & Smmu2Global.Faults.NoSuchBank) != 0;
        bool isOther = (_globalStatus & ~(Smmu2Global.Faults.NoSuchBank | Smmu2Global.Faults.Multiple)) != 0;
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
