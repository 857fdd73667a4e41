#!/bin/bash
# Stands for SLURM's sbatch: the job runs at once, here, one task of its array after another, as SLURM runs
# it: the same variables, a log that is appended to, dependencies on how earlier jobs ended. It writes the
# exit codes of job N to $QUEUE/N. With STOPPED=3 task 3 gets SIGTERM once it has processes of its own.
given=() wrapped='' dependency=''
while (($#)); do
    case $1 in
        --wrap) wrapped=$2; shift ;;
        --dependency=*) dependency=${1#*=} ;;
        --*) given+=("$1") ;;
        *) script=$1 ;;
    esac
    shift
done
mkdir -p "$QUEUE"; export SLURM_JOB_ID=$(($(ls "$QUEUE" | wc -l) + 1))
[[ $wrapped ]] && script=$QUEUE/../wrapped-$SLURM_JOB_ID && printf '#!/bin/sh\n%s\n' "$wrapped" >"$script"
option() {  # the last one counts: those of the command line are behind those of the script
    { sed -n 's/^#SBATCH //p' "$script"; printf '%s\n' "${given[@]}"; } | sed -n "s/^--$1=//p" | tail -1
}
touch "$QUEUE/$SLURM_JOB_ID"
echo "$SLURM_JOB_ID"
if [[ $dependency ]]; then
    earlier=$QUEUE/${dependency#*:}
    [[ -e $earlier ]] || { echo "no job ${dependency#*:}" >&2; exit 1; }
    [[ $dependency == afterok:* ]] && grep -qv '^0$' "$earlier" && exit
fi
array=$(option array); array=${array%\%*}
[[ $array == *-* ]] && tasks=($(seq "${array%-*}" "${array#*-}")) || IFS=, read -ra tasks <<<"$array"
export SLURM_CPUS_PER_TASK=$(option cpus-per-task)
log=$(option output); log=${log:-slurm-%A.out}; log=${log//%A/$SLURM_JOB_ID}
for task in "${tasks[@]-}"; do
    if [[ $task ]]; then export SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=${#tasks[@]}; fi
    bash "$script" >>"${log//%a/$task}" 2>&1 &
    if [[ ${STOPPED-} && $task == "${STOPPED-}" ]]; then
        until pgrep -P $! >/dev/null || ! kill -0 $!; do sleep 0.02; done
        kill -TERM $!
    fi
    wait $!; echo $? >>"$QUEUE/$SLURM_JOB_ID"
done
